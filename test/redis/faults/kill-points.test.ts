import { beforeAll, describe, test } from 'vitest';
import { claimed } from '../../support/claimed.ts';
import { makePlace } from '../../support/fault-place.ts';
import { withRedis } from '../../support/redis.ts';

/** What an attempt comes to before its scan is through, each step early enough that the later ones are still to come. */
const COPY = [
  'lease taken',
  'feed open',
  'own keys noted',
  'scan target',
  'keys read',
  'drafted',
  'before apply target',
  'applied target',
  'before apply source',
  'applied source',
  'quarantined',
  'witness saved',
  'datasets adopted',
  'scan source',
  'scanned',
] as const;
const LIVE = [
  'keys read',
  'drafted',
  'before apply source',
  'before apply target',
  'applied source',
  'applied target',
  'quarantined',
] as const;
const DRAIN = [
  'keys read',
  'drafted',
  'before apply source',
  'applied source',
  'drain barrier',
  'drained',
] as const;
const COPIED = 2_000;
const SECONDS = 180;
/** Design §11: killed -9, synced again. */
const SYNCED_AGAIN_MS = 10_000;

describe('a worker killed -9', () => {
  const [v1, v2] = [withRedis(), withRedis()];
  const sides = () => ({ source: v1.client, target: v2.client });
  const ports = () => ({ source: v1.server.port, target: v2.server.port });
  beforeAll(async () => {
    await claimed(v1.client, v2.client);
  });

  test.concurrent(
    'at every step of a copy, one process after the other: the last one ends the copy, nothing is lost (L8)',
    async (context) => {
      const old = Array.from({ length: COPIED }, (_key, i) => `copy:s:old${i}`);
      await v1.client.mset(...old.flatMap((key) => [key, 'old']));
      const place = makePlace('copy', sides(), ports(), context);
      for (const step of COPY) {
        const killed = await place.start({ trap: { step, signal: 'SIGKILL' } });
        await killed.trapped(step);
      }
      await (await place.start()).live();
      await place.synced();
      context.expect(new Set(await v2.client.mget(...old))).toEqual(new Set(['old']));
    },
    SECONDS * 1_000,
  );

  test.concurrent(
    'at every step of a batch while live: the next one is synced again, nothing is lost (L8)',
    async (context) => {
      const place = makePlace('live', sides(), ports(), context);
      let running = await place.start();
      for (const step of LIVE) {
        await running.live();
        running.setTrap({ step, signal: 'SIGKILL' });
        await running.trapped(step);
        running = await place.start();
      }
      const began = performance.now();
      await running.live();
      await place.synced();
      context.expect(performance.now() - began).toBeLessThan(SYNCED_AGAIN_MS);
    },
    SECONDS * 1_000,
  );

  test.concurrent(
    'at every step of a drain: the answer, when the next one gives it, is true (L2, L8)',
    async (context) => {
      const place = makePlace('drain', sides(), ports(), context);
      for (const step of DRAIN) {
        const killed = await place.start();
        await killed.live();
        killed.setTrap({ step, signal: 'SIGKILL' });
        const resume = await place.load.pause('source');
        const answered = place.drain('source', 60_000);
        await killed.trapped(step);
        const next = await place.start();
        await answered;
        context.expect(await place.load.differences(sides(), 'source')).toEqual([]);
        resume();
        await next.kill();
      }
      await place.start();
      await place.synced();
    },
    SECONDS * 1_000,
  );
});
