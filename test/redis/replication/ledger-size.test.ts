import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { entryPlaceOf } from '../../../redis/state/ledger.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);
const LONG = 'x'.repeat(80);
const LIVE = ['match:stays', `match:stays:${LONG}`];

async function entriesOn(redis: Redis): Promise<number> {
  const buckets = await redis.keys(keyspaceOf(plan.migration).ledger('v1', '*'));
  const sizes = await Promise.all(buckets.map((bucket) => redis.hlen(bucket)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe.each([
  ['redis', 'redis-server'],
  ['valkey', 'valkey-server'],
] as const)('on %s, keys that expire by themselves', (_engine, tool) => {
  const binary = findTool(tool);
  const world = withSyncWorld({ v1: { binary }, v2: { binary } });

  test.each(['v1', 'v2'] as const)(
    'and were born on %s leave no ledger entry, short and long ones',
    async (born) => {
      const { v1, v2 } = world;
      const sync = await world.start(plan);
      await sync.live();
      const other = born === 'v1' ? v2 : v1;
      const app = world[born].client;
      const keys = Array.from({ length: 200 }, (_, i) => `match:${i}${i % 4 === 0 ? LONG : ''}`);
      await Promise.all([
        ...LIVE.map((key) => app.set(key, 'x')),
        ...keys.map((key) => app.set(key, key, 'PX', 600_000)),
      ]);
      await eventually('all to travel', async () => (await other.client.dbsize()) > keys.length);
      // Only now, because a slow copy would otherwise come after the end of the keys.
      await Promise.all(keys.map((key) => app.pexpire(key, 500)));
      await eventually('the ledger to hold the live keys alone', async () => {
        const entries = (await entriesOn(v1.client)) + (await entriesOn(v2.client));
        return entries === LIVE.length;
      });
      expect(sync.status()).toMatchObject({ conflicts: 0 });
      for (const { client } of [v1, v2]) expect(await client.exists(...LIVE)).toBe(LIVE.length);
    },
  );

  test('an entry whose key is gone on both sides goes while the sync runs, and the status tells how many there are', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await Promise.all(LIVE.map((key) => v1.client.set(key, 'x')));
    const counted = (entries: { source: number; target: number }) =>
      eventually('the status to tell', () => isDeepStrictEqual(sync.status()?.ledgerEntries, entries));
    await counted({ source: 0, target: 2 });
    const ledger = (key: string) => keyspaceOf(plan.migration).ledger('v1', entryPlaceOf(key).bucket);
    const entry = await v2.client.hgetBuffer(ledger('match:stays'), 'match:stays');
    // Such entries stay behind when no sync heard the event.
    const gone = Array.from({ length: 50 }, (_, i) => `match:gone:${i}`);
    for (const { client } of [v1, v2])
      await Promise.all(gone.map((key) => client.hset(ledger(key), key, entry as Buffer)));
    await eventually(
      'the ledger to hold the live keys alone',
      async () => (await entriesOn(v1.client)) === 0 && (await entriesOn(v2.client)) === LIVE.length,
    );
    await counted({ source: 0, target: 2 });
    expect(await v2.client.exists(...LIVE)).toBe(2);
    expect(sync.status()).toMatchObject({ conflicts: 0, carried: { toTarget: 2, toSource: 0 } });
  });
});
