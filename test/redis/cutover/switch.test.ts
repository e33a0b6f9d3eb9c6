import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import { readAuthority } from '../../../redis/state/authority.ts';
import { clearTarget } from '../../../redis/cleanup/clear-target.ts';
import { dropRecords } from '../../../redis/cleanup/drop-records.ts';
import { drainToSource } from '../../../redis/cutover/request-drain.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { rehearseSwitch } from '../../../redis/cutover/rehearse.ts';
import { eventually } from '../../support/eventually.ts';
import { SWITCH_STEPS } from '../../support/faults/fault-points.ts';
import { dataset, planOf, sameString, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { switchNow } from '../../support/worlds/switch-now.ts';

/** The tests fill the stores as this user. */
const FILLER = { otherWriters: ['default'] };
const RULE = ['on', '>secret', '~*', '&*', '+@all', '-@dangerous', '(+@write', '~x:*)'] as const;

describe('the switch of authority', () => {
  const world = withSyncWorld();
  const apps: Redis[] = [];
  const stores = (users: { v1?: string[]; v2?: string[] }): Partial<Plan> => ({
    stores: [
      { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: users.v1 ?? [], ...FILLER },
      { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: users.v2 ?? [], ...FILLER },
    ],
    backup: { directory: makeTempDir(), retentionDays: 30 },
  });
  const plan = planOf([dataset({ name: 'match' })], stores({ v1: ['v1-app'], v2: ['v2-app'] }));
  const keyspace = keyspaceOf('test');

  const app = async (side: 'v1' | 'v2') => {
    const user = `${side}-app`;
    await world[side].client.call('ACL', [
      'SETUSER',
      user,
      'reset',
      ...RULE.slice(0, 6),
      RULE.slice(6).join(' '),
    ]);
    const redis = new Redis(world[side].server.url({ user, password: 'secret' }), {
      protocol: 2,
      enableReadyCheck: false,
      retryStrategy: () => null,
    });
    apps.push(redis);
    return redis;
  };
  const rules = async (side: 'v1' | 'v2') => (await world[side].client.call('ACL', ['LIST'])) as string[];
  const move = (to: 'source' | 'target', given = plan) => switchNow(given, world.environment(), to);
  const on = <T>(work: Parameters<typeof withStores<T>>[3], given = plan) =>
    withStores(given, world.environment(), 'test', work);

  afterEach(() => {
    for (const redis of apps.splice(0)) redis.disconnect();
  });

  test('cutover fences V1, moves authority and epoch, opens V2; rollback is the same backwards (L1)', async () => {
    const [one, two] = [await app('v1'), await app('v2')];
    const before = { v1: await rules('v1'), v2: await rules('v2') };
    await one.set('match:1', 'v1');
    const sync = await world.start(plan);
    await sync.live();
    const cut = await move('target');
    expect(cut.steps.map(({ step }) => step)).toEqual([...SWITCH_STEPS]);
    await expect(one.set('match:1', 'late')).rejects.toThrow(/NOPERM/);
    await expect(one.eval("return redis.call('SET', 'x:1', 'v')", 0)).rejects.toThrow(
      /can't run this command/,
    );
    for (const side of ['v1', 'v2'] as const)
      expect(await readAuthority(world[side].client)).toEqual({ side: 'target', epoch: 2 });
    await two.set('match:1', 'v2');
    await sameString(world.v1.client, world.v2.client, 'match:1', 'v2');
    await two.set('match:2', 'written just before the rollback');
    const back = await move('source');
    expect(back.epoch).toBe(3);
    expect(await one.get('match:2')).toBe('written just before the rollback');
    await one.set('match:1', 'v1 again');
    await expect(two.set('match:1', 'late')).rejects.toThrow(/NOPERM/);
    expect(await rules('v1')).toEqual(before.v1);
    await sameString(world.v1.client, world.v2.client, 'match:1', 'v1 again');
  });

  test('every write acknowledged before the fence is on V2 when the switch is done (L2)', async () => {
    const one = await app('v1');
    const sync = await world.start(plan);
    await sync.live();
    const acknowledged = new Map<string, string>();
    let fenced = false;
    const writer = (async () => {
      for (let i = 0; !fenced; i++) {
        const key = `match:${i % 200}`;
        try {
          await one.set(key, String(i));
          acknowledged.set(key, String(i));
        } catch {
          fenced = true;
        }
      }
    })();
    await eventually('some writes', () => acknowledged.size === 200);
    await move('target');
    await writer;
    for (const [key, value] of acknowledged) expect(await world.v2.client.get(key)).toBe(value);
  });

  test('without a running sync the switch gives up before the flip and opens V1 again', async () => {
    const one = await app('v1');
    await world.claim();
    await expect(move('target')).rejects.toMatchObject({ name: 'CutoverTooSlow' });
    await one.set('match:1', 'still open');
    expect(await readAuthority(world.v2.client)).toEqual({ side: 'source', epoch: 1 });
  });

  test('a switch that is run again after the flip only finishes forward (L8)', async () => {
    const [one, two] = [await app('v1'), await app('v2')];
    await one.set('match:0', 'x');
    const sync = await world.start(plan);
    await sync.live();
    await move('target');
    expect((await move('target')).epoch).toBe(2);
    await two.set('match:1', 'open');
  });

  test('an app that waits in BLPOP when the fence rises takes nothing that V2’s app pushes (L1)', async () => {
    const [one, two] = [await app('v1'), await app('v2')];
    await one.set('match:0', 'x');
    const sync = await world.start(plan);
    await sync.live();
    const waiting = expect(one.blpop('match:queue', 0)).rejects.toThrow(/UNBLOCKED/);
    await eventually('it to wait', async () =>
      /^blocked_clients:1/m.test(await world.v1.client.info('clients')),
    );
    await move('target');
    await waiting;
    await two.rpush('match:queue', 'job');
    await eventually('the element on V1', async () => (await world.v1.client.llen('match:queue')) === 1);
    expect(await two.lrange('match:queue', 0, -1)).toEqual(['job']);
  });

  test('without app users the fence of V1 is a pause, and everything pending arrives', async () => {
    const bare = planOf([dataset({ name: 'match' })], stores({}));
    const sync = await world.start(bare);
    await sync.live();
    await world.v1.client.set('match:1', 'last');
    await move('target', bare);
    expect(await world.v2.client.get('match:1')).toBe('last');
    await world.v2.client.set('match:1', 'v2');
    await sameString(world.v1.client, world.v2.client, 'match:1', 'v2');
  });

  test('an abort before the flip takes V2’s writes home, then leaves V2 as it was (L6)', async () => {
    const two = await app('v2');
    await app('v1');
    const before = { v1: await rules('v1'), v2: await rules('v2') };
    await world.v1.client.set('match:1', 'v1');
    await world.v1.client.set('match:native', 'of v1');
    await world.v2.client.set('match:native', 'of v2', 'PXAT', Date.now() + 500_000);
    await world.v2.client.set('match:only-v2', 'stays');
    await world.v2.client.set('match:equal', 'same');
    await world.v1.client.set('match:equal', 'same');
    const image = await world.v2.client.pexpiretime('match:native');
    const sync = await world.start(plan);
    await sync.live();
    await sameString(world.v1.client, world.v2.client, 'match:native', 'of v1');
    await world.v1.client.del('match:equal');
    await sameString(world.v1.client, world.v2.client, 'match:equal', null);
    await two.set('match:1', 'canary');
    await on((all) => drainToSource(plan, all));
    expect(await world.v1.client.get('match:1')).toBe('canary');
    await expect(two.set('match:1', 'late')).rejects.toThrow(/NOPERM/);
    await sync.stop();
    expect(await on((all) => clearTarget(plan, all))).toEqual({ deleted: 1, restored: 2, kept: 0 });
    await on((all) => dropRecords(plan, all, false));
    expect((await world.v2.client.keys('*')).sort()).toEqual([
      'jday:authority',
      'match:equal',
      'match:native',
      'match:only-v2',
    ]);
    expect(await world.v2.client.get('match:native')).toBe('of v2');
    expect(await world.v2.client.pexpiretime('match:native')).toBe(image);
    expect(await world.v2.client.get('match:equal')).toBe('same');
    expect((await world.v1.client.keys('jday:*')).sort()).toEqual(['jday:authority']);
    expect({ v1: await rules('v1'), v2: await rules('v2') }).toEqual(before);
  });

  test('an abort after a flush of V1 spares what V2 holds of it: they are the last copies (L5, L6)', async () => {
    for (let i = 0; i < 10; i++) await world.v1.client.set(`match:${i}`, 'x');
    const sync = await world.start(plan);
    await sync.live();
    await world.v1.client.flushall();
    await eventually('the breaker', () => sync.status()?.breaker !== null);
    await expect(sync.done).rejects.toMatchObject({ name: 'LeaseLost' });
    await world.v1.client.set('match:0', 'written since');
    expect(await on((all) => clearTarget(plan, all))).toMatchObject({ deleted: 1, kept: 9 });
  });

  test('a migration that comes again after a rollback goes on from the ledger it left', async () => {
    await world.v1.client.set('match:1', 'one');
    await world.v1.client.set('match:2', 'two');
    const first = await world.start(plan);
    await first.live();
    await world.v2.client.set('match:1', 'changed on v2');
    await sameString(world.v1.client, world.v2.client, 'match:1', 'changed on v2');
    await first.stop();
    await on((all) => dropRecords(plan, all, true));
    expect((await world.v1.client.keys('jday:*')).sort()).toEqual(['jday:authority', keyspace.witness('v1')]);
    await world.v1.client.del('match:2');
    await world.v1.client.set('match:1', 'newer on v1');
    const second = await world.start(plan);
    await second.live();
    await sameString(world.v1.client, world.v2.client, 'match:2', null);
    await sameString(world.v1.client, world.v2.client, 'match:1', 'newer on v1');
    expect(second.status()?.conflicts).toBe(0);
  });

  test('the rehearsal proves fence, drain and flip on probes and leaves nothing behind (L9)', async () => {
    const one = await app('v1');
    await app('v2');
    const before = await rules('v1');
    const sync = await world.start(plan);
    await sync.live();
    const rehearsal = await on((all) => rehearseSwitch(plan, all));
    expect(rehearsal.fenceProof).toEqual([
      { store: 'v1', users: 1, proven: true },
      { store: 'v2', users: 1, proven: true },
    ]);
    await one.set('match:1', 'never fenced');
    expect(await rules('v1')).toEqual(before);
    expect(await world.v2.client.keys(`${keyspace.probe('')}*`)).toEqual([]);
  });
});
