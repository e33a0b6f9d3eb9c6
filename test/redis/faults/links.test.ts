import { beforeAll, describe, test, type TestContext } from 'vitest';
import type { Side } from '../../../domain/side.ts';
import { claimed } from '../../support/claimed.ts';
import { eventually } from '../../support/eventually.ts';
import { makePlace } from '../../support/fault-place.ts';
import { type Fault, startFaultProxy } from '../../support/fault-proxy.ts';
import { withRedis } from '../../support/redis.ts';

const FAULTS: readonly (readonly [Fault, RegExp?])[] = [
  [{ kind: 'cut' }],
  [{ kind: 'black hole' }],
  [{ kind: 'half open', deaf: 'server' }],
  [{ kind: 'half open', deaf: 'client' }],
  [{ kind: 'slow', bytesPerSecond: 1 }],
  [{ kind: 'cut after', bytes: 1_000, to: 'server' }],
  [{ kind: 'cut after', bytes: 1_000, to: 'client' }],
  [{ kind: 'cut' }, /feed$/],
  [{ kind: 'half open', deaf: 'client' }, /feed$/],
  [{ kind: 'cut' }, /data$/],
  [{ kind: 'black hole' }, /data$/],
  [{ kind: 'half open', deaf: 'client' }, /data$/],
  [{ kind: 'black hole' }, /tracker$/],
];
/** Production waits longer; the order of the waits is the same. */
const PATIENCE = { connectMs: 1_500, replyMs: 1_500, silenceMs: 2_500 };
const NOTICED_MS = 15_000;
const SECONDS = 180;

describe('a line that breaks', () => {
  const [v1, v2] = [withRedis(), withRedis()];
  const sides = () => ({ source: v1.client, target: v2.client });
  const ports = () => ({ source: v1.server.port, target: v2.server.port });
  beforeAll(() => claimed(v1.client, v2.client));
  const proxied = async (side: Side, { onTestFinished }: TestContext) => {
    const proxy = await startFaultProxy(ports()[side]);
    onTestFinished(() => proxy.stop());
    return { proxy, through: { ...ports(), [side]: proxy.port } };
  };

  test.concurrent.for(['source', 'target'] as const)(
    'to the %s, in whatever way, while live and during a drain: noticed in time, synced again, nothing lost (L2, L8)',
    { timeout: SECONDS * 1_000 },
    async (side, context) => {
      const { proxy, through } = await proxied(side, context);
      const place = makePlace(`line-${side}`, sides(), ports(), context, through);
      const sync = await place.start({ patience: PATIENCE });
      for (const [i, [fault, only]] of FAULTS.entries()) {
        await sync.live();
        const underDrain = i % 2 === 1;
        const goOn = underDrain ? await place.load.pause('source') : null;
        const ended = sync.ended.length;
        proxy.set(fault, only);
        const drained = underDrain ? place.drain('source', 60_000) : Promise.resolve();
        const name = `the end of an attempt after ${JSON.stringify(fault)} of ${String(only ?? 'all')}`;
        await eventually(name, () => sync.ended.length > ended, { withinMs: NOTICED_MS });
        proxy.set({ kind: 'none' });
        await drained;
        if (underDrain) context.expect(await place.load.differences(sides(), 'source')).toEqual([]);
        goOn?.();
      }
      await sync.live();
      await place.synced();
    },
  );

  test.concurrent.for(['source', 'target'] as const)(
    'to the %s again and again in the middle of the copy: the copy goes on and ends, nothing is lost (L8)',
    { timeout: SECONDS * 1_000 },
    async (side, context) => {
      const name = `copied-${side}`;
      const old = Array.from({ length: 2_000 }, (_key, i) => `${name}:s:old${i}`);
      await v1.client.mset(...old.flatMap((key) => [key, 'old']));
      const { proxy, through } = await proxied(side, context);
      const place = makePlace(name, sides(), ports(), context, through);
      const data = /data$/;
      proxy.set({ kind: 'cut after', bytes: 60_000, to: 'server' }, data);
      const sync = await place.start({ patience: PATIENCE });
      await eventually('a cut', () => sync.ended.length > 0, { withinMs: 20_000 });
      proxy.set({ kind: 'black hole' }, data);
      await eventually('a silence', () => sync.ended.length > 1, { withinMs: 20_000 });
      proxy.set({ kind: 'none' });
      await sync.live();
      await place.synced();
      context.expect(new Set(await v2.client.mget(...old))).toEqual(new Set(['old']));
    },
  );
});
