import { beforeAll, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { raiseFence } from '../../../redis/fence/raise-fence.ts';
import { copyStoreOf } from '../../../redis/fence/fence-records.ts';
import { lowerFence } from '../../../redis/fence/lower-fence.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { usersOfNodes } from '../../support/servers/acl-users.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { comparedBefore } from '../../support/worlds/compared-before.ts';
import { eventually } from '../../support/eventually.ts';
import { promoted, replicationOf, REPLICA } from '../../support/servers/failover.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { nextToken } from '../../support/worlds/next-token.ts';
import { wordsOf } from '../../support/house/words.ts';

const RULE = ['reset', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous'];
const LOGIN = { user: 'app', password: 'secret' };
const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: [] },
  ],
});
const keyspace = keyspaceOf('test');
describe('a replica that takes over in the cluster of V1', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'server', source: { replicaOf: 0 } });
  const v1 = () => {
    if (!world.v1.cluster) throw new Error('V1 is a cluster');
    return world.v1.cluster;
  };
  const given = () => world.onClusters(plan);
  const on = <T>(work: Parameters<typeof withStores<T>>[3]) =>
    withStores(given(), world.environment(), 'test', work);
  beforeAll(async () => {
    await v1().onAll('ACL', 'SETUSER', 'app', ...RULE);
  });

  test('by hand, under load: nothing is lost, nothing is suspect, and the sync goes on with it (L2, L8)', async () => {
    const { v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    const token = sync.status()?.token ?? 0;
    const last = new Map<string, string>();
    let stopped = false;
    const load = (async () => {
      for (let n = 1; !stopped; n++) {
        const [one, other] = [`match:one:${n % 60}`, `match:other:${n % 60}`];
        // Repeats the write until it is acknowledged. A write that failed may have been done all the same.
        await eventually('the write', async () => (await v1().client.set(one, String(n))) === 'OK');
        await v2.client.set(other, String(n));
        last.set(one, String(n)).set(other, String(n));
      }
    })();
    await eventually('some writes', () => last.size === 120);
    await v1().on(REPLICA, 'CLUSTER', 'FAILOVER');
    await promoted(v1(), REPLICA);
    await eventually('a new attempt', () => (sync.status()?.token ?? 0) > token);
    await sync.live();
    stopped = true;
    await load;
    await eventually('both sides to hold the last write of each key', async () => {
      for (const [key, value] of last) {
        expect(await v1().client.get(key)).toBe(value);
        expect(await v2.client.get(key)).toBe(value);
      }
      return true;
    });
    // The promoted node may lack writes of the last second. The breaker stays closed, and the sync journals the values
    // that such older data overwrite.
    expect(sync.status()).toMatchObject({ breaker: null });
  });

  test('under the fence, it is fenced at that moment; opened, every server has its rule back (L1, L9)', async () => {
    const before = await usersOfNodes(v1());
    await on((stores) => {
      const one = stores.named('v1');
      return raiseFence(one, keyspace, null, copyStoreOf(stores, one));
    });
    await v1().on(0, 'CLUSTER', 'FAILOVER');
    await promoted(v1(), 0);
    const app = v1().clientOf(LOGIN);
    for (let i = 0; i < 30; i++) await expect(app.set(`match:${i}`, 'late')).rejects.toThrow(/NOPERM/);
    await on((stores) => {
      const one = stores.named('v1');
      return lowerFence(one, keyspace, copyStoreOf(stores, one));
    });
    expect(await usersOfNodes(v1())).toEqual(before);
    expect((await v1().onAll('KEYS', `${keyspace.fence('')}*`)).flat()).toEqual([]);
  });

  test('because its master was killed in the middle of a cutover: that attempt ends, V1 opens, the next one completes (L2, L8)', async () => {
    const { v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    for (let i = 0; i < 60; i++) await v1().client.set(`match:${i}`, 'before');
    await comparedBefore(given(), v2.client);
    const move = (report: (step: string) => void) =>
      switchAuthority({
        plan: given(),
        environment: world.environment(),
        to: 'target',
        token: nextToken(),
        report,
      });
    const token = sync.status()?.token ?? 0;
    let killed: Promise<void> | undefined;
    const first = move((step) => {
      if (step === 'drain') killed = v1().kill(0);
    });
    await expect(first).rejects.toThrow();
    await killed;
    await promoted(v1(), REPLICA);
    await on((stores) => {
      const one = stores.named('v1');
      return lowerFence(one, keyspace, copyStoreOf(stores, one));
    });
    const app = v1().clientOf(LOGIN);
    for (let i = 0; i < 60; i++) await app.set(`match:${i}`, 'V1 serves');
    await eventually('a new attempt', () => (sync.status()?.token ?? 0) > token);
    await sync.live();
    await move(() => undefined);
    for (let i = 0; i < 60; i++) {
      expect(await v2.client.get(`match:${i}`)).toBe('V1 serves');
      await expect(app.set(`match:${i}`, 'late')).rejects.toThrow(/NOPERM/);
    }
  });
});

describe('a replica that takes over with less than its master had', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'server', source: { replicaOf: 0 } });

  test('makes its side suspect: no older value and no absence of it travels (L5)', async () => {
    const { v1, v2 } = world;
    const cluster = v1.cluster;
    if (!cluster) throw new Error('V1 is a cluster');
    for (let i = 0; i < 100; i++) await v1.client.set(`match:${i}`, 'old');
    const sync = await world.start(planOf([dataset({ name: 'match' })]));
    await sync.live();
    await eventually('the copy', async () => (await v2.client.dbsize()) > 100);
    // The replica cannot log in to its master any more, so it stays behind.
    await cluster.on(REPLICA, 'CONFIG', 'SET', 'masteruser', 'nobody', 'masterauth', 'x');
    await cluster.on(REPLICA, 'CLIENT', 'KILL', 'TYPE', 'master');
    await eventually('a replica that stays behind', async () =>
      /master_link_status:down/.test(await replicationOf(cluster, REPLICA)),
    );
    for (let i = 0; i < 100; i++) await v1.client.set(`match:${i}`, 'new');
    for (let i = 0; i < 100; i++) await v1.client.set(`match:late:${i}`, 'new');
    await eventually('the new ones on V2', async () => (await v2.client.get('match:late:99')) === 'new');
    const since = wordsOf(sync.status());
    await eventually('a mark after them', () => wordsOf(sync.status()) > since + 2);
    await cluster.kill(0);
    await promoted(cluster, REPLICA);
    await eventually('the suspicion', () => sync.status()?.breaker?.side === 'source');
    await sync.live();
    const held = await Promise.all(Array.from({ length: 100 }, (_key, i) => v1.client.get(`match:${i}`)));
    expect(held.filter((value) => value === 'old').length).toBeGreaterThan(10);
    for (let i = 0; i < 100; i++) {
      expect(await v2.client.get(`match:${i}`)).toBe('new');
      expect(await v2.client.get(`match:late:${i}`)).toBe('new');
    }
  });
});

describe('a replica that takes over in the cluster of V2 because its master was killed', () => {
  const world = withClusterWorld({ v1: 'server', v2: 'cluster', target: { replicaOf: 0 } });

  test('holds what it holds: nothing of it is lost, and what V1 writes since arrives (L2, L8)', async () => {
    const { v1, v2 } = world;
    const cluster = v2.cluster;
    if (!cluster) throw new Error('V2 is a cluster');
    for (let i = 0; i < 200; i++) await v1.client.set(`match:${i}`, 'from v1');
    const sync = await world.start(planOf([dataset({ name: 'match' })]));
    await sync.live();
    for (let i = 0; i < 100; i++) await v2.client.set(`match:${i}`, 'from v2');
    await eventually('both to agree', async () => {
      for (let i = 0; i < 100; i++) expect(await v1.client.get(`match:${i}`)).toBe('from v2');
      return true;
    });
    const offset = (text: string) => /master_repl_offset:(\d+)/.exec(text)?.[1];
    await eventually('the replica to have all', async () => {
      const [one, other] = [await replicationOf(cluster, 0), await replicationOf(cluster, REPLICA)];
      return offset(one) === /slave_repl_offset:(\d+)/.exec(other)?.[1];
    });
    const token = sync.status()?.token ?? 0;
    await cluster.kill(0);
    await promoted(cluster, REPLICA);
    await eventually('a new attempt', () => (sync.status()?.token ?? 0) > token);
    await sync.live();
    for (let i = 100; i < 150; i++) await v1.client.set(`match:${i}`, 'since');
    await eventually('all of it on V2', async () => {
      for (let i = 0; i < 200; i++)
        expect(await v2.client.get(`match:${i}`)).toBe(i < 100 ? 'from v2' : i < 150 ? 'since' : 'from v1');
      return true;
    });
  });
});
