import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { withStores, type Stores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { fenceIsProven } from '../../../redis/fence/fence-proof.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { lowerFence } from '../../../redis/fence/lower-fence.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import { type RedisServer, startRedis } from '../../../servers/redis-server.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const ACL = ['user default on nopass ~* &* +@all', 'user app on >secret ~* &* +@all -@dangerous (+get ~x:*)'];
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'] },
  ],
});
const keyspace = keyspaceOf(plan.migration);

describe('a fence outlives a server that comes back empty (L1, L5)', () => {
  const dir = makeTempDir();
  const servers: RedisServer[] = [];
  beforeEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
    for (const name of ['v1', 'v2']) servers.push(await startRedis({ dir: join(dir, name), acl: ACL }));
  });
  afterAll(async () => {
    for (const server of servers) await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const on = <T>(act: (stores: Stores) => Promise<T>) =>
    withStores(plan, { SOURCE_V1: servers[0]?.url(), TARGET_V2: servers[1]?.url() }, 'test', act);
  /** V1 loses its data and comes back with these lines in its ACL file. */
  const loseV1 = async (acl: readonly string[]) => {
    const [v1] = servers;
    v1?.kill('SIGKILL');
    await v1?.exited;
    servers[0] = await startRedis({ dir: join(dir, 'v1'), acl, ...(v1 && { port: v1.port }) });
  };
  const rules = (stores: Stores) => stores.named('v1').redis.call('ACL', ['LIST']) as Promise<string[]>;
  const proven = (stores: Stores) =>
    fenceIsProven(stores.named('v1'), keyspace, copyStoreOf(stores, stores.named('v1')));

  test.each([
    ['its users are those of before the fence', (_fenced: readonly string[]) => ACL],
    ['its users were saved under the fence', (fenced: readonly string[]) => fenced],
  ])('%s: it is fenced again, and opens with the rights of before', async (_what, aclOf) => {
    const { before, fenced } = await on(async (stores) => {
      const one = stores.named('v1');
      const rulesBefore = await rules(stores);
      await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
      return { before: rulesBefore, fenced: await rules(stores) };
    });
    await loseV1(aclOf(fenced));
    await on(async (stores) => {
      await keepFence(plan, stores, 'target');
      expect(await proven(stores)).toBe(true);
      const one = stores.named('v1');
      await lowerFence(one, keyspace, copyStoreOf(stores, one));
      expect(await proven(stores)).toBe(false);
      expect((await rules(stores)).sort()).toEqual([...before].sort());
      expect(await stores.target.redis.exists(keyspace.fenced())).toBe(0);
    });
  });

  test('a user who was removed ends no look, and keeps no other one from being fenced and saved', async () => {
    const two = { ...plan, stores: plan.stores.map((one) => ({ ...one, appUsers: ['app', 'gone'] })) };
    const environment = { SOURCE_V1: servers[0]?.url(), TARGET_V2: servers[1]?.url() };
    await withStores(two, environment, 'test', async (stores) => {
      const one = stores.named('v1');
      const [, app = ''] = ACL;
      await one.redis.call('ACL', ['SETUSER', 'gone', ...app.split(' ').slice(2, 6)]);
      await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
      await one.redis.call('ACL', ['DELUSER', 'gone']);
      await one.redis.call('ACL', ['SETUSER', 'app', '+@all']);
      const [first] = await keepFence(two, stores, 'target');
      expect(first).toMatchObject({
        raised: true,
        notes: expect.arrayContaining([expect.stringContaining('gone')]) as string[],
      });
      expect(await one.redis.get(keyspace.fence('app'))).toMatch(/^saved/);
      expect(await keepFence(two, stores, 'target')).toEqual([]);
    });
  });

  test('the copy on the other side holds no password, and nobody is fenced who was not (L12)', async () => {
    await on(async (stores) => {
      const one = stores.named('v1');
      await keepFence(plan, stores, 'target');
      expect(await proven(stores)).toBe(false);
      await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
      const copies = Object.values(await stores.target.redis.hgetall(keyspace.fenced()));
      expect(copies).toHaveLength(1);
      expect(copies[0]).toContain('+@all');
      expect(copies[0]).not.toMatch(/#[0-9a-f]{8}|secret/);
    });
  });
});
