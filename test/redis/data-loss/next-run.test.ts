import { describe, expect, test } from 'vitest';
import { dropRecords } from '../../../redis/cleanup/drop-records.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { eventually } from '../../support/eventually.ts';
import { startSyncing } from '../../support/worlds/kept-sync.ts';
import { writeControl } from '../../../redis/state/control.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const KEYS = Array.from({ length: 50 }, (_, i) => `match:${i}`);

describe('between a run that was rolled back and the next one of the same plan', () => {
  const world = withSyncWorld();
  const dir = withTempDir();
  const plan = () =>
    planOf([dataset({ name: 'match' }), dataset({ name: 'session', joins: 'jday', role: 'sessions' })], {
      backup: { directory: dir.path, retentionDays: 30 },
    });
  const { v1, v2 } = world;
  const there = async ({ client }: typeof v1) => client.exists(...KEYS);
  const synced = async () => {
    const sync = await startSyncing(world, plan());
    await sync.live();
    return sync;
  };
  /** A run ends as after a rollback, then something happens, then the next run begins. */
  const nextRun = async (meanwhile: () => Promise<unknown>) => {
    for (const key of KEYS) await v1.client.set(key, 'before');
    const before = await synced();
    await eventually('the copy', async () => (await there(v2)) === KEYS.length);
    await eventually('a mark on V1', async () => (await v1.client.get('jday:test:witness:v1')) !== null);
    await before.stop();
    await withStores(plan(), world.environment(), 'end', (stores) => dropRecords(plan(), stores, true));
    await meanwhile();
    return synced();
  };
  const believed = (sync: Awaited<ReturnType<typeof nextRun>>) =>
    eventually('nothing to be suspect', () => sync.status()?.suspects?.length === 0);

  test('keys of V2 are deleted by hand: they stay on V1, which serves, and are copied again (L2, L5)', async () => {
    const sync = await nextRun(() => v2.client.del(...KEYS));
    await eventually('V2 to have them again', async () => (await there(v2)) === KEYS.length);
    expect(await there(v1)).toBe(KEYS.length);
    expect(sync.status()).toMatchObject({ breaker: null, suspects: [] });
  });

  test('V2 evicts keys: V1 keeps them, and they wait for a decision (L5)', async () => {
    const sync = await nextRun(async () => {
      await v2.client.expire('match:0', 5_000);
      await v2.client.config('SET', 'maxmemory-policy', 'volatile-lru');
      await v2.client.config('SET', 'maxmemory', '1');
      await v2.client.ping();
      await v2.client.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction');
      expect(await there(v2)).toBe(KEYS.length - 1);
    });
    await eventually('a suspicion', () => sync.status()?.suspects?.[0]?.keys === 1);
    expect(await there(v1)).toBe(KEYS.length);
  });

  test('V1 loses everything: V2 keeps the last copies, and the operator is asked (L5)', async () => {
    const sync = await nextRun(() => v1.client.flushall());
    await eventually('all of them to be held back', () =>
      sync.status()?.suspects?.some(({ side, keys }) => side === 'source' && keys === KEYS.length),
    );
    expect(await there(v2)).toBe(KEYS.length);
  });

  test('V1 deletes and changes keys, as the side that serves may: V2 follows (L2)', async () => {
    const sync = await nextRun(async () => {
      await v1.client.del('match:0');
      await v1.client.set('match:1', 'since');
    });
    await eventually('V2 to follow', async () => {
      expect(await v2.client.mget('match:0', 'match:1', 'match:2')).toEqual([null, 'since', 'before']);
      return true;
    });
    await believed(sync);
    expect(sync.status()).toMatchObject({ conflicts: 0 });
  });

  test('somebody tries things out on V2: none of it travels to V1, and a value that V1 has too is in the journal (L2, L6)', async () => {
    const sync = await nextRun(async () => {
      await v2.client.set('match:0', 'tried');
      await v2.client.set('match:new', 'tried');
    });
    await eventually('V1 to win', async () => (await v2.client.get('match:0')) === 'before');
    await eventually('one conflict', () => sync.status()?.conflicts === 1);
    expect(await v1.client.mget('match:0', 'match:new')).toEqual(['before', null]);
    expect(await v2.client.get('match:new')).toBe('tried');
    expect(sync.status()).toMatchObject({ conflicts: 1, suspects: [] });
    expect(await v2.client.hlen('jday:test:journal:v1')).toBe(1);
    // What V2's apps write and delete from now on travels as usual.
    await v2.client.set('match:new', 'by an app');
    await v2.client.del('match:1');
    await eventually('V1 to follow', async () => (await v1.client.get('match:new')) === 'by an app');
    await eventually('the delete', async () => (await v1.client.exists('match:1')) === 0);
  });

  test('V2 loses sessions, which join on J-Day only: V1 keeps them then too (L2)', async () => {
    const join = () => writeControl(v2.client, keyspaceOf('test'), 'v1', { joins: 'jday' });
    const joined = (sync: Awaited<ReturnType<typeof synced>>) =>
      eventually('the sessions to have joined', () => sync.status()?.joined.includes('session'));
    await v1.client.mset('session:1', 'a', 'session:2', 'b');
    const before = await synced();
    await join();
    await joined(before);
    await before.stop();
    const sync = await nextRun(() => v2.client.del('session:1', 'match:1'));
    await eventually('the match again', async () => (await v2.client.exists('match:1')) === 1);
    await v2.client.set('session:2', 'tried');
    await join();
    await joined(sync);
    await eventually('V2 to have both sessions of V1', async () => {
      expect(await v2.client.mget('session:1', 'session:2')).toEqual(['a', 'b']);
      return true;
    });
    expect(await v1.client.mget('session:1', 'session:2')).toEqual(['a', 'b']);
    // From now on the writes and deletes of V2's apps travel to V1.
    await eventually('their delete to travel', async () => {
      await v2.client.del('session:1');
      return (await v1.client.exists('session:1')) === 0;
    });
  });
});
