import { describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { slotOf } from '../../../domain/keys/slot.ts';
import { withClusterWorld } from '../../support/worlds/cluster-world.ts';
import { moveSlot } from '../../support/servers/move-slot.ts';
import { eventually } from '../../support/eventually.ts';
import { dataset, planOf } from '../../support/worlds/sync-world.ts';
import { wordsOf } from '../../support/house/words.ts';

const plan = planOf([
  dataset({ name: 'match' }),
  dataset({ name: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } }),
]);

describe('a cluster on both sides', () => {
  const world = withClusterWorld({ v1: 'cluster', v2: 'cluster' });

  test('copies, and carries changes both ways, keys with hash tags and names that change the slot too (L2)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 300; i++) {
      await v1.client.set(`match:${i}`, `v${i}`);
      await v1.client.set(`metrics:${i}`, `m${i}`);
      await v1.client.hset(`match:{tag}:${i}`, 'n', String(i));
    }
    const large = 'x'.repeat(300_000);
    await v1.client.set('match:large', large);
    const sync = await world.start(plan);
    await sync.live();
    for (let i = 0; i < 300; i++) {
      expect(await v2.client.get(`match:${i}`)).toBe(`v${i}`);
      expect(await v2.client.get(`metrics:v1:${i}`)).toBe(`m${i}`);
      expect(await v2.client.hget(`match:{tag}:${i}`, 'n')).toBe(String(i));
    }
    await v2.client.set('match:7', 'from v2');
    await v1.client.del('match:8');
    await v2.client.set('metrics:v1:new', 'born on v2');
    await eventually('the changes', async () => {
      expect(await v1.client.get('match:7')).toBe('from v2');
      expect(await v2.client.get('match:8')).toBe(null);
      expect(await v1.client.get('metrics:new')).toBe('born on v2');
      expect(await v2.client.get('match:large')).toBe(large);
      return true;
    });
    expect(sync.failures).toEqual([]);
  });

  test('entries of the ledger stand in the slots of their keys, and each node has a lease (L1)', async () => {
    const { v2 } = world;
    const keyspace = keyspaceOf('test');
    const sync = await world.start(plan);
    await sync.live();
    const token = String(sync.status()?.token);
    const { cluster } = v2;
    for (const node of cluster?.nodes.keys() ?? []) {
      const leases = (await cluster?.on(node, 'KEYS', `${keyspace.lease('v1')}:{*}`)) as string[];
      expect(leases).toHaveLength(1);
      expect(await v2.client.get(leases[0] as string)).toBe(token);
      const buckets = (await cluster?.on(node, 'KEYS', `${keyspace.ledger('v1', '')}*`)) as string[];
      for (const bucket of buckets)
        for (const key of Object.keys(await v2.client.hgetall(bucket)))
          expect(slotOf(key.replace(/^metrics:/, 'metrics:v1:'))).toBe(slotOf(bucket));
    }
  });

  test('a conflict is won by the authority, the loser stands in the journal of its node (L2)', async () => {
    const { v1, v2 } = world;
    await v1.client.set('match:c', 'agreed');
    const first = await world.start(plan);
    await first.live();
    await eventually('both', async () => (await v2.client.get('match:c')) === 'agreed');
    await first.stop();
    await v1.client.set('match:c', 'v1 wins');
    await v2.client.set('match:c', 'v2 loses');
    const second = await world.start(plan);
    await second.live();
    expect(await v2.client.get('match:c')).toBe('v1 wins');
    const journals: string[] = [];
    for (const node of v2.cluster?.nodes.keys() ?? [])
      journals.push(...((await v2.cluster?.on(node, 'KEYS', 'jday:test:journal:v1:{*}')) as string[]));
    const fields = (await Promise.all(journals.map((key) => v2.client.hkeys(key)))).flat();
    expect(fields.filter((field) => field.endsWith('match:c'))).toHaveLength(1);
  });

  test('an idle cluster stays idle: no write of ours but the beats and what we say of ourselves (L3)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    const carried = () => JSON.stringify(sync.status()?.carried);
    await eventually('nothing to wait for', () => sync.status()?.pending.toTarget === 0);
    const [before, token, words] = [carried(), sync.status()?.token, wordsOf(sync.status())];
    await eventually('two seconds', () => wordsOf(sync.status()) > words + 2);
    expect(carried()).toBe(before);
    expect(sync.status()?.token).toBe(token);
    await v1.client.set('match:9', 'still awake');
    await eventually('the change', async () => (await v2.client.get('match:9')) === 'still awake');
  });

  test('a slot that moves under load loses nothing: the sync begins anew and finds lease, key and entry there (L2, L8)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 40; i++) await v1.client.set(`match:{move}:${i}`, '0');
    const sync = await world.start(plan);
    await sync.live();
    const before = sync.status()?.token ?? 0;
    const last = new Map<string, string>();
    let stopped = false;
    const load = (async () => {
      for (let n = 1; !stopped; n++) {
        const key = `match:{move}:${n % 40}`;
        if (n % 7 === 0) await v1.client.del(key);
        else await v1.client.set(key, String(n));
        last.set(key, n % 7 === 0 ? '' : String(n));
        const other = `match:still:${n % 40}`;
        await v2.client.set(other, String(n));
        last.set(other, String(n));
      }
    })();
    if (!v1.cluster || !v2.cluster) throw new Error('both sides are clusters');
    await moveSlot(v1.cluster, slotOf('match:{move}:0'));
    await moveSlot(v2.cluster, slotOf('match:{move}:0'));
    stopped = true;
    await load;
    await eventually('a new attempt to be live', () => {
      const status = sync.status();
      return (status?.token ?? 0) > before && status?.state === 'live';
    });
    await eventually('both sides to hold the last write of each key', async () => {
      for (const [key, value] of last) {
        expect(await v1.client.get(key)).toBe(value || null);
        expect(await v2.client.get(key)).toBe(value || null);
      }
      return true;
    });
    expect(sync.status()?.breaker).toBe(null);
    expect(sync.status()?.conflicts).toBe(0);
  });

  test('a node that is killed and comes back empty makes its side suspect, and no delete travels (L5)', async () => {
    const { v1, v2 } = world;
    const sync = await world.start(plan);
    await sync.live();
    await eventually('a record on every node', () => sync.statuses.length > 3);
    const count = async () =>
      (await Promise.all((v2.cluster?.nodes ?? []).map(async (_node, i) => v2.cluster?.on(i, 'DBSIZE')))).map(
        Number,
      );
    const before = await v2.client.get('match:1');
    await v1.cluster?.crash(0);
    await eventually('the suspicion', () => sync.status()?.breaker?.side === 'source');
    await eventually('a live sync', () => sync.status()?.state === 'live');
    expect(await v2.client.get('match:1')).toBe(before);
    expect((await count()).every((keys) => keys > 50)).toBe(true);
  });
});
