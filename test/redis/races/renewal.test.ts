import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { snapshotAndStream } from '../../../bench/contenders/stream-peer.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { eventually } from '../../support/eventually.ts';
import { withRedis } from '../../support/servers/redis.ts';
import { sessionName, startSlidingApp } from '../../support/processes/start-sliding-app.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const KEYS = 10_000;
const TTL_MS = 3_000;
const COPY_KEYS_PER_SECOND = 1_000;

/** The expiry of every key that exists. Every server is asked by the same plain commands, without the engine. */
async function alive(redis: Redis): Promise<ReadonlyMap<number, number>> {
  const pipeline = redis.pipeline();
  for (let key = 0; key < KEYS; key++) pipeline.pexpiretime(sessionName(key));
  const replies = (await pipeline.exec()) ?? [];
  return new Map(replies.flatMap(([, at], key) => (Number(at) > 0 ? [[key, Number(at)] as const] : [])));
}

/**
 * Reads the source, the copy, and the source again, so that a key that expires in between does not count as a fault.
 */
async function compare(source: Redis, copy: Redis) {
  const [before, here, after] = [await alive(source), await alive(copy), await alive(source)];
  return {
    live: after.size,
    lost: [...after.keys()].filter((key) => !here.has(key)).length,
    resurrected: [...here.keys()].filter((key) => !before.has(key)).length,
    otherwise: [...after].filter(([key, at]) => here.has(key) && here.get(key) !== at).length,
  };
}

describe('expiries that are renewed while the copy runs', () => {
  const world = withSyncWorld();
  const peer = withRedis();

  test('L4: of 10 000 sliding sessions none is lost or resurrected; a snapshot and a stream lose them under the same load', async () => {
    const { v1, v2 } = world;
    const plan = planOf([dataset({ name: 'session', role: 'sessions' })], {
      throttle: { copyKeysPerSecond: COPY_KEYS_PER_SECOND, verifyKeysPerSecond: 0 },
    });
    const app = await startSlidingApp({ port: v1.server.port, keys: KEYS, ttlMs: TTL_MS, everyMs: 2_000 });
    const [source, stop] = [await v1.connect(), new AbortController()];
    const fill = v1.client.pipeline();
    for (let key = 0; key < KEYS; key++) fill.set(sessionName(key), `user ${key}`, 'PX', TTL_MS);
    await fill.exec();
    app.slide();
    const began = performance.now();
    const copied = snapshotAndStream({
      source,
      port: v1.server.port,
      target: peer.client,
      prefix: 'session:',
      keysPerSecond: COPY_KEYS_PER_SECOND,
      signal: stop.signal,
    });
    // When the test fails, its servers stop before the copier does, and the error of the copier means nothing.
    copied.catch(() => undefined);
    const sync = await world.start(plan);
    await eventually('the copy to be over', () => sync.status()?.state === 'live');
    const copyMs = Math.round(performance.now() - began);
    await app.stop();
    await drainLinks(v2.client, keyspaceOf('test'), linksOf(plan), 'source', performance.now() + 10_000);
    const ours = await compare(v1.client, v2.client);
    const theirs = await compare(v1.client, peer.client);
    stop.abort();
    const { restored } = await copied;
    expect(copyMs).toBeGreaterThan(8_000);
    expect(ours).toMatchObject({ lost: 0, resurrected: 0, otherwise: 0 });
    expect(restored).toBeGreaterThan(KEYS * 0.9);
    for (const { live } of [ours, theirs]) expect(live).toBeGreaterThan(KEYS * 0.5);
    expect(theirs.lost).toBeGreaterThan(KEYS * 0.3);
  });
});
