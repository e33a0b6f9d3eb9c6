import { expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { openSide } from '../../../redis/cutover/open-side.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const world = withSyncWorld();
const SOURCES = ['v1', 'nexten'] as const;
const usersOf = (name: string) => [`${name}-app`, `${name}-worker`];
const PLAN = planOf([dataset({ name: 'match' })], {
  stores: [
    ...SOURCES.map((name) => ({
      name,
      side: 'source' as const,
      url: '${SOURCE_V1}',
      appUsers: usersOf(name),
    })),
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
  ],
});

test('V2, where copies of the rules are kept, is gone: every user of every store of V1’s side can write all the same (L9)', async () => {
  const keyspace = keyspaceOf(PLAN.migration);
  const users = SOURCES.flatMap(usersOf);
  for (const user of users)
    await world.v1.client.call('ACL', ['SETUSER', user, 'on', '>secret', '~*', '+@all']);
  const writing = async () => {
    const asked = users.map((user) => world.v1.client.call('ACL', ['DRYRUN', user, 'SET', 'match:1', 'v']));
    const answers = await Promise.all(asked);
    return users.filter((_user, i) => answers[i] === 'OK');
  };
  await withStores(PLAN, world.environment(), 'test', async (stores) => {
    for (const one of stores.of('source')) await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
    expect(await writing()).toEqual([]);
    stores.target.redis.disconnect();
    await expect(openSide(stores, PLAN, 'source')).rejects.toThrow(/Connection is closed/);
    expect(await writing()).toEqual(users);
  });
});
