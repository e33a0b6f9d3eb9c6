import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linkStatusOf } from '../../../domain/gates/link-status.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { owns, shardsOfPlan } from '../../../domain/keys/shard.ts';
import { clearTarget } from '../../../redis/cleanup/clear-target.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { rehearseSwitch } from '../../../redis/cutover/rehearse.ts';
import { eventually } from '../../support/eventually.ts';
import { withShardWorld } from '../../support/worlds/shard-world.ts';
import { dataset, planOf, sameString } from '../../support/worlds/sync-world.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';

const plan = planOf(
  [
    dataset({ name: 'match' }),
    dataset({ name: 'metrics', rename: { from: 'metrics:*', to: 'metrics:v1:*' } }),
  ],
  { shards: 4 },
);
const keyspace = keyspaceOf('test');
const NAMES = shardsOfPlan(plan).map(({ name }) => name);

/** The n-th source key of a shard. */
function keyOf(name: string, n = 0): string {
  const shard = shardsOfPlan(plan).find((one) => one.name === name);
  const keys = Array.from({ length: 400 }, (_key, i) => `match:${i}`);
  return keys.filter((key) => shard && owns(shard, key))[n] ?? '';
}

/** Writes and deletes keys of its own, some hundred a second, and remembers the last value of each. */
function startWriter(redis: Redis, prefix: string) {
  const last = new Map<string, string | null>();
  let stopped = false;
  const running = (async () => {
    for (let n = 0; !stopped; n++) {
      const batch = Array.from({ length: 5 }, (_write, i) => `${prefix}:${(n * 5 + i) % 300}`);
      await Promise.all(
        batch.map(async (key, i) => {
          const value = n % 7 === 3 && i % 5 === 0 ? null : `${n}:${i}`;
          await (value === null ? redis.del(key) : redis.set(key, value, 'PX', 600_000));
          last.set(key, value);
        }),
      );
      await delay(10);
    }
  })();
  const stop = async () => {
    stopped = true;
    await running;
  };
  onTestFinished(stop);
  return { last, stop };
}

describe('a link in four shards', () => {
  const world = withShardWorld();
  const target = () => world.v2.client;
  const drain = (withinMs: number) =>
    drainLinks(target(), keyspace, linksOf(plan), 'source', performance.now() + withinMs);

  test('each key travels both ways, by the one shard that owns it, and our writes echo to none (L3)', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 400; i++) await v1.client.set(`match:${i}`, 'v1');
    await v1.client.set('metrics:cpu', '1.0');
    const shards = await world.startAll(plan);
    expect(await v2.client.get('metrics:v1:cpu')).toBe('1.0');
    expect(await v2.client.dbsize()).toBeGreaterThanOrEqual(401);
    for (const name of NAMES) {
      await v2.client.set(keyOf(name), `of ${name}`);
      await sameString(v1.client, v2.client, keyOf(name), `of ${name}`);
    }
    await eventually('each shard to have carried back its own one', () =>
      expect(shards.map((shard) => shard.status()?.carried.toSource)).toEqual([1, 1, 1, 1]),
    );
    const told = linkStatusOf(
      shards.flatMap((shard) => {
        const status = shard.status();
        return status ? [{ ...status, ageMs: 0 }] : [];
      }),
    );
    expect(told).toMatchObject({ copied: 401, total: 401, carried: { toTarget: 401, toSource: 4 } });
    expect(told?.joined).toEqual(['match', 'metrics']);
  });

  test('L2, L8: in two processes, one killed -9 under load: the other takes its shards up, nothing is lost', async () => {
    const { v1, v2 } = world;
    for (let i = 0; i < 2_000; i++) await v1.client.set(`match:s${i}`, `seed ${i}`);
    await world.claim();
    const [one, other] = [
      world.startProcess(plan, NAMES.slice(0, 2)),
      world.startProcess(plan, NAMES.slice(2)),
    ];
    await Promise.all([one.live(), other.live()]);
    const writers = [startWriter(v1.client, 'match:a'), startWriter(v2.client, 'match:b')];
    await eventually('writes on both sides', () => writers.every(({ last }) => last.size === 300));
    await one.kill();
    const instead = world.startProcess(plan, NAMES.slice(0, 2));
    await instead.live();
    for (const writer of writers) await writer.stop();
    for (const { last } of writers)
      for (const [key, value] of last)
        await eventually(`${key} on both sides`, async () =>
          expect([await v1.client.get(key), await v2.client.get(key)]).toEqual([value, value]),
        );
    for (let i = 0; i < 2_000; i++) expect(await v2.client.get(`match:s${i}`)).toBe(`seed ${i}`);
    expect(await v2.client.exists(keyspace.journal('v1'))).toBe(0);
  });

  test('L1: a second attempt at one shard fences the first out; the other shards go on', async () => {
    const { v1, v2 } = world;
    const shards = await world.startAll(plan);
    const second = await world.startShard(plan, 'v1.2');
    await expect(shards[1]?.done).rejects.toThrow('a newer attempt');
    await second.live();
    for (const name of NAMES) {
      await v1.client.set(keyOf(name), 'after');
      await sameString(v1.client, v2.client, keyOf(name), 'after');
    }
    for (const shard of [shards[0], shards[2], shards[3]])
      expect(await Promise.race([shard?.done, Promise.resolve('runs')])).toBe('runs');
  });

  test('L1: another number of shards than the ledger’s is refused, and changes nothing', async () => {
    const shard = await world.startShard(plan, 'v1.1');
    await shard.live();
    const lease = await target().get(keyspace.lease('v1.1'));
    const two = await world.startShard({ ...plan, shards: 2 }, 'v1.1');
    await expect(two.done).rejects.toMatchObject({
      name: 'BadConfiguration',
      message: expect.stringContaining('write `shards: 4` into the plan') as string,
    });
    expect(await target().get(keyspace.lease('v1.1'))).toBe(lease);
  });

  test('L7: one silent shard makes the link unknown, and no switch begins', async () => {
    for (const name of NAMES.slice(1)) await (await world.startShard(plan, name)).live();
    const environment = world.environment();
    await expect(switchNow(plan, environment, 'target')).rejects.toThrow('the sync of v1 is silent');
    await expect(drain(200)).rejects.toThrow('did not drain in time: v1.1');
  });

  test('L2: under load, what was accepted before the drain is on V2 when all shards have answered', async () => {
    const { v1, v2 } = world;
    await world.startAll(plan);
    const writer = startWriter(v1.client, 'match:d');
    await eventually('writes', () => writer.last.size === 300);
    await writer.stop();
    await drain(10_000);
    for (const [key, value] of writer.last) expect(await v2.client.get(key)).toBe(value);
  });

  test('the cutover and the rollback of a split link move what was written until the fence (L2)', async () => {
    const { v1, v2 } = world;
    await world.startAll(plan);
    const environment = world.environment();
    await withStores(plan, environment, 'test', (stores) => rehearseSwitch(plan, stores));
    for (const name of NAMES) await v1.client.set(keyOf(name), 'before the fence');
    const cut = await switchNow(plan, environment, 'target');
    expect(cut.verified).toBeGreaterThanOrEqual(4);
    for (const name of NAMES) expect(await v2.client.get(keyOf(name))).toBe('before the fence');
    for (const name of NAMES) await v2.client.set(keyOf(name), 'by V2');
    await switchNow(plan, environment, 'source');
    for (const name of NAMES) expect(await v1.client.get(keyOf(name))).toBe('by V2');
  });

  test('L2: a shard that begins under the fence answers no drain before it has looked at every key', async () => {
    const { v1, v2 } = world;
    const shards = await world.startAll(plan);
    await v1.client.set(keyOf('v1.3'), 'old');
    await sameString(v1.client, v2.client, keyOf('v1.3'), 'old');
    await shards[2]?.stop();
    await v1.client.set(keyOf('v1.3'), 'while nobody listened');
    let goOn: () => void = () => undefined;
    const stalled = new Promise<void>((resolve) => (goOn = resolve));
    const reached: string[] = [];
    await world.startShard(plan, 'v1.3', (step) => {
      reached.push(step);
      return step === 'scan source' ? stalled : undefined;
    });
    await eventually('its scan to stall', () => reached.includes('scan source'));
    await expect(drain(1_000)).rejects.toThrow('did not drain in time: v1.3');
    expect(reached).toContain('drain barrier');
    goOn();
    await drain(10_000);
    expect(await v2.client.get(keyOf('v1.3'))).toBe('while nobody listened');
  });

  test('L5: a flush while no shard ran is not believed, by the shard that begins last either', async () => {
    const { v1, v2 } = world;
    for (const name of NAMES) await v1.client.set(keyOf(name), 'kept');
    const shards = await world.startAll(plan);
    await eventually('the copy', async () => (await v2.client.get(keyOf('v1.4'))) === 'kept');
    for (const shard of shards) await shard.stop();
    await v1.client.flushall();
    // The first shard finds the authority record gone and writes it back. The last shard finds it there.
    const first = await world.startShard(plan, 'v1.1');
    await first.live();
    await eventually('the authority on V1', () => v1.client.exists('jday:authority'));
    const last = await world.startShard(plan, 'v1.4');
    await last.live();
    await eventually('the breaker', () => last.status()?.breaker?.side === 'source');
    for (const name of ['v1.1', 'v1.4']) expect(await v2.client.get(keyOf(name))).toBe('kept');
  });

  test('L6: an abort clears what all shards wrote, under the leases of all, and nothing else', async () => {
    const { v1, v2 } = world;
    for (const name of NAMES) {
      await v2.client.set(keyOf(name, 1), 'of V2');
      await v1.client.set(keyOf(name), 'v1');
      await v1.client.set(keyOf(name, 1), 'v1');
    }
    const shards = await world.startAll(plan);
    for (const name of NAMES) await sameString(v1.client, v2.client, keyOf(name, 1), 'v1');
    const cleared = await withStores(plan, world.environment(), 'test', (stores) =>
      clearTarget(plan, stores),
    );
    expect(cleared).toEqual({ deleted: 4, restored: 4, kept: 0 });
    for (const shard of shards) await expect(shard.done).rejects.toThrow('a newer attempt');
    for (const name of NAMES) {
      expect(await v2.client.exists(keyOf(name))).toBe(0);
      expect(await v2.client.get(keyOf(name, 1))).toBe('of V2');
    }
  });
});
