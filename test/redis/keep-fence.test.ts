import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { withStores, type Stores } from '../../redis/stores.ts';
import { fenceIsProven, lowerFence, raiseFence } from '../../redis/switch/fence.ts';
import { keeperOf } from '../../redis/switch/fence-records.ts';
import { keepFence } from '../../redis/watch/keep-fence.ts';
import { type RedisServer, startRedis } from '../../servers/redis-server.ts';
import { dataset, planOf } from '../support/sync-world.ts';
import { makeTempDir } from '../support/temp-dir.ts';

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
  /** V1 loses its data; what its file of users says, the server says. */
  const loseV1 = async (acl: readonly string[]) => {
    const [v1] = servers;
    v1?.kill('SIGKILL');
    await v1?.exited;
    servers[0] = await startRedis({ dir: join(dir, 'v1'), acl, ...(v1 && { port: v1.port }) });
  };
  const rules = (stores: Stores) => stores.named('v1').redis.call('ACL', ['LIST']) as Promise<string[]>;
  const proven = (stores: Stores) => fenceIsProven(stores.named('v1'), keyspace.probe('fence'));

  test.each([
    ['its users are those of before the fence', (_fenced: readonly string[]) => ACL],
    ['its users were saved under the fence', (fenced: readonly string[]) => fenced],
  ])('%s: it is fenced again, and opens with the rights of before', async (_what, aclOf) => {
    const { before, fenced } = await on(async (stores) => {
      const one = stores.named('v1');
      const rulesBefore = await rules(stores);
      await raiseFence(one, keyspace, null, keeperOf(stores, one));
      return { before: rulesBefore, fenced: await rules(stores) };
    });
    await loseV1(aclOf(fenced));
    await on(async (stores) => {
      await keepFence(plan, stores, 'target');
      expect(await proven(stores)).toBe(true);
      const one = stores.named('v1');
      await lowerFence(one, keyspace, keeperOf(stores, one));
      expect(await proven(stores)).toBe(false);
      expect((await rules(stores)).sort()).toEqual([...before].sort());
      expect(await stores.target.redis.exists(keyspace.fenced())).toBe(0);
    });
  });

  test('the copy on the other side holds no password, and nobody is fenced who was not (L12)', async () => {
    await on(async (stores) => {
      const one = stores.named('v1');
      await keepFence(plan, stores, 'target');
      expect(await proven(stores)).toBe(false);
      await raiseFence(one, keyspace, null, keeperOf(stores, one));
      const copies = Object.values(await stores.target.redis.hgetall(keyspace.fenced()));
      expect(copies).toHaveLength(1);
      expect(copies[0]).toContain('+@all');
      expect(copies[0]).not.toMatch(/#[0-9a-f]{8}|secret/);
    });
  });
});
