import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { slotOf, tagged } from '../../../domain/keys/slot.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { openStore } from '../../../redis/client/connection.ts';
import { RoutedRedis } from '../../../redis/client/cluster-client.ts';
import { hashesOf } from '../../../redis/state/journal.ts';
import type { TestCluster } from '../../support/servers/cluster.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { eventually } from '../../support/eventually.ts';
import { halfMove, moveSlot } from '../../support/servers/move-slot.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';

const clusterOf = (side: { cluster: TestCluster | null }): TestCluster => {
  if (!side.cluster) throw new Error('this side is a cluster');
  return side.cluster;
};

/**
 * A node whose slot is on its way to another node cannot write a key that it lacks. So a script fails in the middle.
 */
describe('a slot of V1 is on its way to another node', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'server' });

  test.each([
    ['hash', 'h', 200],
    ['large hash', 'large', 9_000],
  ] as const)('a %s that V2’s app changes is not lost on the way (L2)', async (_what, name, fields) => {
    const key = `match:${name}`;
    const { v1, v2 } = world;
    const plan = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);
    const rest = Array.from({ length: fields }, (_, i) => [`field-${i}`, `value-${i}`]).flat();
    await v1.client.hset(key, 'offers', 'of V1', ...rest);
    const sync = await world.start(plan);
    await sync.live();
    await eventually('V1’s value on V2', async () => (await v2.client.hget(key, 'jobs')) === 'of V1');
    // After this write of V2 the ledger entry of the key is on V1.
    await v2.client.hset(key, 'jobs', 'earlier');
    await eventually('that on V1', async () => (await v1.client.hget(key, 'offers')) === 'earlier');
    const cluster = clusterOf(v1);
    const from = await halfMove(cluster, slotOf(key));
    await v2.client.hset(key, 'jobs', 'of V2');
    await eventually('an attempt that fails at the slot', () => sync.failures.length > 0);
    expect(await cluster.on(from, 'HGET', key, 'offers')).toBe('earlier');
    await moveSlot(cluster, slotOf(key));
    await eventually('V2’s value on V1', async () => (await v1.client.hget(key, 'offers')) === 'of V2');
    expect(await v2.client.hget(key, 'jobs')).toBe('of V2');
    expect(await v1.client.hlen(key)).toBe(fields + 1);
    expect(sync.status()?.conflicts).toBe(0);
    await sync.stop();
  });
});

describe('the slot of V2’s journal is on its way to another node', () => {
  const world = withClusterWorld({ v1: 'server', v2: 'cluster' });

  test('the loser of a conflict stands until it can be kept (L2)', async () => {
    const { v1, v2 } = world;
    const plan = planOf([dataset({ name: 'match' })]);
    // All keys are in one slot. The journal of their node is in another slot.
    const keys = Array.from({ length: 50 }, (_, i) => `match:{1}:${i}`);
    for (const key of keys) await v1.client.set(key, 'before');
    const sync = await world.start(plan);
    await sync.live();
    const cluster = clusterOf(v2);
    const journal = await journalBeside(sync.plan, 'match:{1}:0');
    await halfMove(cluster, slotOf(journal));
    await Promise.all(
      keys.flatMap((key) => [v1.client.set(key, 'of V1'), v2.client.set(key, `of V2 ${key}`)]),
    );
    await eventually('an attempt that fails at the slot', () => sync.failures.length > 0);
    for (const key of keys) expect(await v2.client.get(key)).toBe(`of V2 ${key}`);
    await moveSlot(cluster, slotOf(journal));
    const carried = async () => {
      for (const key of keys) expect(await v2.client.get(key)).toBe('of V1');
      return true;
    };
    await eventually('V1’s values on V2', carried);
    const losers = await journaled(sync.plan);
    for (const key of keys)
      expect(
        losers.some((text) => text.includes(`of V2 ${key}`)),
        key,
      ).toBe(true);
    await sync.stop();
  });

  const onV2 = async <T>(plan: Plan, ask: (redis: RoutedRedis) => Promise<T>): Promise<T> => {
    const target = plan.stores.find(({ side }) => side === 'target');
    const redis = target && (await openStore(target, world.environment(), 'test'));
    if (!(redis instanceof RoutedRedis)) throw new Error('V2 is a cluster');
    return ask(redis).finally(() => redis.disconnect());
  };
  const journalBeside = (plan: Plan, key: string) =>
    onV2(plan, async (redis) => tagged(keyspaceOf('test').journal('v1'), redis.nodeOf(key).tag));
  const journaled = (plan: Plan) =>
    onV2(plan, async (redis) => {
      const texts: string[] = [];
      for (const journal of await hashesOf(redis, keyspaceOf('test').journal('v1')))
        texts.push(
          ...Object.values(await redis.hgetallBuffer(journal)).map((bytes) => bytes.toString('latin1')),
        );
      return texts;
    });
});
