import { expect, test } from 'vitest';
import { readAuthority } from '../../../redis/state/authority.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';

const world = withSyncWorld();
const USERS = { v1: 'v1-app', v2: 'v2-app' } as const;
const PLAN = planOf([dataset({ name: 'match' })], {
  mode: 'forward',
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: [USERS.v1], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [USERS.v2], otherWriters: ['default'] },
  ],
});

test('mode forward: V2 has changed what was carried, and the rollback goes through; V1 has what it had at the flip', async () => {
  for (const name of ['v1', 'v2'] as const)
    await world[name].client.call('ACL', ['SETUSER', USERS[name], 'on', '>secret', '~*', '+@all']);
  const environment = world.environment();
  const move = (to: 'source' | 'target') => switchNow(PLAN, environment, to);
  const sync = await world.start(PLAN);
  await sync.live();
  await world.v1.client.set('match:1', 'v1');
  await sameString(world.v1.client, world.v2.client, 'match:1', 'v1');
  await move('target');
  await world.v2.client.set('match:1', 'v2');
  await move('source');
  expect(await readAuthority(world.v2.client)).toMatchObject({ side: 'source' });
  expect(await world.v1.client.get('match:1')).toBe('v1');
});
