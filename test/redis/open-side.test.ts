import { expect, test } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { withStores } from '../../redis/stores.ts';
import { fenceIsProven, raiseFence } from '../../redis/switch/fence.ts';
import { keeperOf } from '../../redis/switch/fence-records.ts';
import { openSide } from '../../redis/switch/open-side.ts';
import { dataset, planOf, withSyncWorld } from '../support/sync-world.ts';

const world = withSyncWorld();
const SOURCES = ['v1', 'nexten'] as const;
const userOf = (name: string) => `${name}-app`;
const PLAN = planOf([dataset({ name: 'match' })], {
  stores: [
    ...SOURCES.map((name) => ({
      name,
      side: 'source' as const,
      url: '${SOURCE_V1}',
      appUsers: [userOf(name)],
    })),
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
  ],
});

test('V2, where copies of the rules are kept, is gone: every store of V1’s side is opened all the same (L9)', async () => {
  const keyspace = keyspaceOf(PLAN.migration);
  for (const name of SOURCES)
    await world.v1.client.call('ACL', ['SETUSER', userOf(name), 'on', '>secret', '~*', '+@all']);
  await withStores(PLAN, world.environment(), 'test', async (stores) => {
    const proven = () =>
      Promise.all(stores.of('source').map((one) => fenceIsProven(one, keyspace.probe('fence'))));
    for (const one of stores.of('source')) await raiseFence(one, keyspace, null, keeperOf(stores, one));
    expect(await proven()).toEqual([true, true]);
    stores.target.redis.disconnect();
    await expect(openSide(stores, PLAN, 'source')).rejects.toThrow(/Connection is closed/);
    expect(await proven()).toEqual([false, false]);
  });
});
