import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { allOrFew } from '../../lanes/proofs.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { tagOf } from '../../../domain/keys/slot.ts';
import { nodesOf } from '../../../redis/client/cluster-client.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { lowerFence } from '../../../redis/fence/lower-fence.ts';
import { rehearseSwitch } from '../../../redis/cutover/rehearse.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { keepFence } from '../../../redis/fence/keep-fence.ts';
import { findTool } from '../../../servers/tools.ts';
import { usersOfNodes } from '../../support/servers/acl-users.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import type { TestCluster } from '../../support/servers/cluster.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';
import { nextToken } from '../../support/worlds/next-token.ts';

const RULE = ['reset', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous', '(+@write ~x:*)'];
const LOGIN = { user: 'app', password: 'secret' };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'], otherWriters: ['default'] },
  ],
});
const keyspace = keyspaceOf('test');
/** The tags of the lowest slots of three masters that share the slots equally. */
const TAGS = [0, 5461, 10922].map(tagOf);

describe.each(allOrFew(['redis-server', 'valkey-server'] as const, ['redis-server']))(
  'the switch between clusters, V1 of %s',
  (engine) => {
    const world = withClusterWorld({ v1: 'cluster', v2: 'cluster', source: { binary: findTool(engine) } });
    const clusters = () => {
      const { v1, v2 } = world;
      if (!v1.cluster || !v2.cluster) throw new Error('both sides are clusters');
      return { v1: v1.cluster, v2: v2.cluster };
    };
    beforeAll(async () => {
      for (const one of Object.values(clusters())) await one.onAll('ACL', 'SETUSER', 'app', ...RULE);
    });
    beforeEach(() => comparedBefore(plan, world.v2.client));
    const move = (to: 'source' | 'target', given: Plan = world.onClusters(plan)) =>
      switchNow(given, world.environment(), to);
    const on = <T>(work: Parameters<typeof withStores<T>>[3]) =>
      withStores(world.onClusters(plan), world.environment(), 'test', work);
    const rulesOf = usersOfNodes;
    const deniedOn = async (cluster: TestCluster) =>
      (await cluster.onAll('ACL', 'DRYRUN', 'app', 'SET', 'match:1', 'x')).map((answer) => answer !== 'OK');
    const copiesOn = (cluster: TestCluster) =>
      Promise.all(TAGS.map((tag) => cluster.client.hgetall(`${keyspace.authority()}:{${tag}}`)));

    test('fences every node, loses no acknowledged write, and back; rules are as before to the letter (L1, L2)', async () => {
      const { v1, v2 } = clusters();
      const before = [await rulesOf(v1), await rulesOf(v2)];
      const sync = await world.start(plan);
      await sync.live();
      const app = v1.clientOf(LOGIN);
      const acknowledged = new Map<string, string>();
      let open = true;
      const writer = (async () => {
        for (let i = 0; open; i++) {
          const key = `match:${i % 200}`;
          open = await app.set(key, String(i)).then(
            () => acknowledged.set(key, String(i)) !== undefined,
            () => false,
          );
        }
      })();
      await eventually('some writes', () => acknowledged.size === 200);
      await move('target');
      await writer;
      for (const [key, value] of acknowledged) expect(await v2.client.get(key)).toBe(value);
      expect(await deniedOn(v1)).toEqual([true, true, true]);
      const back = v2.clientOf(LOGIN);
      for (let i = 0; i < 50; i++) await back.set(`match:back:${i}`, String(i));
      await move('source');
      for (let i = 0; i < 50; i++) expect(await v1.client.get(`match:back:${i}`)).toBe(String(i));
      expect(await deniedOn(v2)).toEqual([true, true, true]);
      await on((stores) => lowerFence(stores.target, keyspace, copyStoreOf(stores, stores.target)));
      expect([await rulesOf(v1), await rulesOf(v2)]).toEqual(before);
    });

    test('every node knows the new epoch before traffic is told, though no sync lives to tell it (L1)', async () => {
      const sync = await world.start(plan);
      await sync.live();
      await move('target');
      await sync.stop();
      const { v1, v2 } = clusters();
      const epoch = Number(await v2.client.hget('jday:authority', 'epoch'));
      const stale = { authority: 'source', epoch: epoch - 1 };
      for (const { client } of [v1, v2])
        for (const tag of TAGS) await client.hset(`${keyspace.authority()}:{${tag}}`, stale);
      const seen: unknown[] = [];
      const router = createServer((request, response) => {
        void (async () => {
          if (request.method === 'POST') seen.push(await copiesOn(v1), await copiesOn(v2));
          response.end(JSON.stringify({ authority: 'target', epoch }));
        })();
      }).listen(0, '127.0.0.1');
      await once(router, 'listening');
      const url = `http://127.0.0.1:${(router.address() as AddressInfo).port}/`;
      await move('target', { ...world.onClusters(plan), traffic: [{ kind: 'webhook', url }] });
      router.close();
      const raised = { authority: 'target', epoch: String(epoch) };
      expect(seen).toEqual([
        [raised, raised, raised],
        [raised, raised, raised],
      ]);
      await on((stores) => lowerFence(stores.named('v1'), keyspace, copyStoreOf(stores, stores.named('v1'))));
    });

    test('a node of V2 that has lost the flip opens nobody: the others know who serves (L1)', async () => {
      const sync = await world.start(plan);
      await sync.live();
      await move('source');
      await move('target');
      await sync.stop();
      const { v1, v2 } = clusters();
      const epoch = Number(await v2.client.hget('jday:authority', 'epoch'));
      await v2.client.hset('jday:authority', { authority: 'source', epoch: epoch - 1 });
      // V2's record says that V1 serves already. But no sync lives, so the switch must open nothing.
      await expect(move('source')).rejects.toMatchObject({ name: 'CutoverTooSlow' });
      expect(await v2.client.hgetall('jday:authority')).toEqual({
        authority: 'target',
        epoch: String(epoch),
      });
      expect(await deniedOn(v1)).toEqual([true, true, true]);
      expect(await deniedOn(v2)).toEqual([false, false, false]);
      await on((stores) => lowerFence(stores.named('v1'), keyspace, copyStoreOf(stores, stores.named('v1'))));
    });

    test('a flip that V2 refuses has not happened, and nobody need be asked: V1 is opened (L1, L9)', async () => {
      const sync = await world.start(plan);
      await sync.live();
      await move('source');
      const { v1, v2 } = clusters();
      const refusing = (replicas: string) => v2.onAll('CONFIG', 'SET', 'min-replicas-to-write', replicas);
      const report = async (step: string) => void (step === 'flip' && (await refusing('1')));
      const refused = switchAuthority({
        plan: world.onClusters(plan),
        environment: world.environment(),
        to: 'target',
        token: nextToken(),
        report,
      });
      await expect(refused).rejects.toThrow(/NOREPLICAS/);
      await refusing('0');
      expect(await v2.client.hget('jday:authority', 'authority')).toBe('source');
      expect(await deniedOn(v1)).toEqual([false, false, false]);
      await move('target');
      await move('source');
      await on((stores) => lowerFence(stores.target, keyspace, copyStoreOf(stores, stores.target)));
    });

    test('a fence that stands on some nodes is raised on all, and one that could not be raised is undone on all (L8, L9)', async () => {
      const { v1 } = clusters();
      // The nodes have different rules here, and each must get its own rule back.
      await v1.on(2, 'ACL', 'SETUSER', 'app', ...RULE, '(+get ~y:*)');
      const before = await rulesOf(v1);
      await on(async (stores) => {
        const one = stores.named('v1');
        await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
        await v1.on(1, 'ACL', 'SETUSER', 'app', ...RULE);
        expect(await deniedOn(v1)).toEqual([true, false, true]);
        await keepFence(world.onClusters(plan), stores, 'target');
        expect(await deniedOn(v1)).toEqual([true, true, true]);
        await lowerFence(one, keyspace, copyStoreOf(stores, one));
        expect(await rulesOf(v1)).toEqual(before);
        await v1.on(2, 'ACL', 'DELUSER', 'app');
        await expect(raiseFence(one, keyspace, null, copyStoreOf(stores, one))).rejects.toThrow(
          /does not exist/,
        );
        await v1.on(2, 'ACL', 'SETUSER', 'app', ...RULE, '(+get ~y:*)');
        await lowerFence(one, keyspace, copyStoreOf(stores, one));
        expect(await rulesOf(v1)).toEqual(before);
        expect(await stores.target.redis.exists(keyspace.fenced())).toBe(0);
      });
      expect((await v1.onAll('KEYS', `${keyspace.fence('')}*`)).flat()).toEqual([]);
    });

    test('a master that is gone does not keep the others shut (L9)', async () => {
      const { v1 } = clusters();
      await on(async (stores) => {
        const one = stores.named('v1');
        await raiseFence(one, keyspace, null, copyStoreOf(stores, one));
        const [gone] = nodesOf(one.redis);
        gone?.redis.disconnect();
        await expect(lowerFence(one, keyspace, copyStoreOf(stores, one))).rejects.toThrow(
          /Connection is closed/,
        );
      });
      expect((await deniedOn(v1)).filter((denied) => denied)).toHaveLength(1);
      await on((stores) => lowerFence(stores.named('v1'), keyspace, copyStoreOf(stores, stores.named('v1'))));
      expect(await deniedOn(v1)).toEqual([false, false, false]);
    });

    test('without app users the fence of V1 is a pause of every node, and everything pending arrives', async () => {
      const { v1, v2 } = clusters();
      const bare = planOf([dataset({ name: 'match' })]);
      const sync = await world.start(bare);
      await sync.live();
      await move('source', sync.plan);
      for (let i = 0; i < 50; i++) await v1.client.set(`match:last:${i}`, String(i));
      await move('target', sync.plan);
      for (let i = 0; i < 50; i++) expect(await v2.client.get(`match:last:${i}`)).toBe(String(i));
      await v1.client.set('match:last:1', 'nothing holds V1 any more');
    });

    test('the rehearsal proves the fence on every node and leaves nothing behind (L9)', async () => {
      const { v1 } = clusters();
      const before = await rulesOf(v1);
      const sync = await world.start(plan);
      await sync.live();
      const { fenceProof } = await on((stores) => rehearseSwitch(world.onClusters(plan), stores));
      expect(fenceProof.map(({ proven }) => proven)).toEqual([true, true]);
      expect(await rulesOf(v1)).toEqual(before);
      expect((await v1.onAll('KEYS', `${keyspace.probe('')}*`)).flat()).toEqual([]);
    });
  },
);
