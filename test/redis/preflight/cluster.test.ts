import { describe, expect, test } from 'vitest';
import { slotOf } from '../../../domain/keys/slot.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { runPreflight } from '../../../redis/preflight/run-preflight.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { LONG_RETENTION, only } from './world.ts';

const plan = planOf([dataset({ name: 'match' })], {
  stores: [
    { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['app'], otherWriters: ['default'] },
    { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['app'], otherWriters: ['default'] },
  ],
  backup: { directory: makeTempDir(), retentionDays: 1 },
});

describe('the preflight of a server and a cluster', () => {
  const world = withClusterWorld({
    v1: 'server',
    v2: 'cluster',
    source: {
      acl: [
        'user default on nopass ~* &* +@all',
        'user app on >app ~match:* %R~jday:authority +@all -@dangerous',
      ],
    },
    target: {
      replicaOf: 0,
      acl: [
        'user default on nopass ~* &* +@all',
        'user app on >app ~match:* %R~jday:authority +@all -@dangerous',
      ],
    },
  });
  const v2 = () => {
    if (!world.v2.cluster) throw new Error('V2 is a cluster');
    return world.v2.cluster;
  };
  const run = (given: Plan, environment = world.environment()) =>
    runPreflight(given, environment, LONG_RETENTION);

  test('is green in every check where the plan names several of its nodes', async () => {
    await world.v1.client.set('match:1', 'x');
    const checks = await run(world.onClusters(plan));
    expect(checks.filter(({ verdict }) => verdict !== 'green')).toEqual([]);
    expect(only(checks, 'cluster', 'v2').found).toBe('3 masters, 1 node beside them');
    expect(only(checks, 'version', 'v2').found).toMatch(/^each of 3 nodes: /);
    expect((await v2().onAll('KEYS', 'jday:*')).flat()).toEqual([]);
  });

  test('is red where the plan does not say that it is one, and where it says so of one server', async () => {
    const [address = ''] = world.environment().TARGET_V2.split(',');
    const checks = await run(plan, { ...world.environment(), TARGET_V2: address });
    expect(only(checks, 'cluster', 'v2')).toMatchObject({
      verdict: 'red',
      remedy: expect.stringContaining('cluster: true') as string,
    });
    const stores = plan.stores.map((store) => ({ ...store, cluster: true }));
    expect(only(await run({ ...plan, stores }), 'reachable', 'v1')).toMatchObject({
      verdict: 'red',
      remedy: expect.stringContaining('cluster: true') as string,
    });
  });

  test('names the node that is not as it should be: a store is as good as the worst of them (L7)', async () => {
    await v2().on(1, 'CONFIG', 'SET', 'maxmemory', '1gb', 'maxmemory-policy', 'allkeys-lru');
    await v2().on(2, 'ACL', 'DELUSER', 'app');
    const checks = await run(world.onClusters(plan));
    expect(only(checks, 'eviction', 'v2')).toMatchObject({
      verdict: 'red',
      found: expect.stringMatching(/^node 2 of 3: allkeys-lru/) as string,
    });
    expect(only(checks, 'app users', 'v2')).toMatchObject({
      verdict: 'red',
      found: expect.stringMatching(/^node 3 of 3: 1 of the named users do not exist/) as string,
    });
    await v2().on(1, 'CONFIG', 'SET', 'maxmemory', '1mb', 'maxmemory-policy', 'noeviction');
    expect(only(await run(world.onClusters(plan)), 'memory', 'plan')).toMatchObject({
      verdict: 'red',
      found: expect.stringMatching(/^node 2 of 3: V2 too small/) as string,
    });
    await v2().on(1, 'CONFIG', 'SET', 'maxmemory', '0');
    await v2().on(2, 'ACL', 'SETUSER', 'app', 'on', '>app', '~match:*', '+@all', '-@dangerous');
  });

  test('is red while a slot is on its way, and alerts where one address is all that is named', async () => {
    const slot = slotOf('match:1');
    const [from, to] = slot < 5461 ? [0, 1] : slot < 10922 ? [1, 2] : [2, 0];
    await v2().on(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await v2().idOf(from));
    await v2().on(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await v2().idOf(to));
    expect(only(await run(world.onClusters(plan)), 'cluster', 'v2')).toMatchObject({
      verdict: 'red',
      remedy: expect.stringContaining('resharding') as string,
    });
    for (const node of [to, from]) await v2().on(node, 'CLUSTER', 'SETSLOT', slot, 'STABLE');
    const [address = ''] = world.environment().TARGET_V2.split(',');
    const one = await run(world.onClusters(plan), { ...world.environment(), TARGET_V2: address });
    expect(only(one, 'cluster', 'v2').verdict).toBe('alert');
  });

  test('alerts where a replica cannot be reached: the fence would not stand there when it takes over (L1)', async () => {
    await v2().on(3, 'ACL', 'SETUSER', 'default', 'resetpass', '>unknown');
    const checks = await run(world.onClusters(plan));
    expect(only(checks, 'cluster', 'v2')).toMatchObject({
      verdict: 'alert',
      found: '3 masters, 1 node beside them, of which 0 can be reached',
    });
  });
});
