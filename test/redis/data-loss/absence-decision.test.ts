import { describe, expect } from 'vitest';
import { REASONS } from '../../../domain/protocol/loss-suspicion.ts';
import { writeAuthority } from '../../../redis/state/authority.ts';
import { resolveSuspicion } from '../../../redis/state/resolve-suspicion.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import { withStores } from '../../../redis/client/stores.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { eventually } from '../../support/eventually.ts';
import { type LossyWorld, lossyTest } from '../../support/worlds/lossy-world.ts';

const test = lossyTest;
const anything = /./;

/** Lets a sync carry `count` keys and then flushes V1. */
async function flushed(world: LossyWorld, count: number): Promise<void> {
  await world.open();
  await world.fill('source', count);
  world.sync();
  await world.live();
  await world.on('source').flushall();
  await world.suspected('source', count, anything);
}

/** The attempt breaks off when it first comes to the step, as if it had been killed there. */
function killAt(world: LossyWorld, step: FaultPoint): { readonly killed: () => boolean } {
  let killed = false;
  world.reached = (here) => {
    if (killed || here !== step) return;
    killed = true;
    throw new Error('killed here');
  };
  world.interrupt();
  return { killed: () => killed };
}

describe.concurrent('the operator decides on a suspect side (L5)', () => {
  test('restore: the other side’s keys are written back with their expiry, those that ended meanwhile are not', async ({
    world,
  }) => {
    await world.open();
    await world.fill('source', 100);
    const at = Date.now() + 600_000;
    await world.on('source').pexpireat('match:1', at);
    await world.on('source').pexpire('match:2', 5_000);
    world.sync();
    await world.live();
    await world.on('source').flushall();
    await eventually('the breaker', () => world.suspect('source'));
    await world.on('source').set('match:3', 'written since');
    await world.agreed('match:3', 'written since');
    await eventually('the natural end of a key', async () => !(await world.on('target').exists('match:2')));
    await world.accept('source', 'restore');
    await world.believed('source');
    expect(await world.keys('source')).toHaveLength(99);
    expect(await world.keys('target')).toHaveLength(99);
    expect(await world.on('source').pexpiretime('match:1')).toBe(at);
    expect(await world.on('source').get('match:3')).toBe('written since');
    await world.on('source').del('match:4');
    await world.agreed('match:4', null);
    expect(world.status()?.conflicts).toBe(0);
  });

  test('absence: it travels, and a new flush is asked about anew', async ({ world }) => {
    await flushed(world, 100);
    await world.accept('source', 'absence');
    await world.believed('source');
    expect(await world.keys('target')).toEqual([]);
    await world.fill('source', 10, 'again');
    await world.agreed('match:9', 'again');
    await world.on('source').flushall();
    await world.suspected('source', 10, anything);
    expect(await world.keys('target')).toHaveLength(10);
  });

  test('absence of V1 is refused while V2 serves: V2 would lose what it serves (L5)', async ({ world }) => {
    await flushed(world, 10);
    for (const side of ['target', 'source'] as const)
      await writeAuthority(await loadScripts(world.on(side)), { side: 'target', epoch: 2 });
    const environment = { SOURCE_V1: world.server('source').url(), TARGET_V2: world.server('target').url() };
    const said = () =>
      withStores(world.plan, environment, 'test', (stores) =>
        resolveSuspicion(world.plan, stores, { word: 'absence' }),
      ).then(
        () => 'carried out',
        (error: unknown) => String(error),
      );
    // The status on V2 names the suspect side a moment after the sync has reported it here.
    await eventually('the refusal', async () => /V2 serves.*--accept restore/.test(await said()));
    expect(await world.keys('target')).toHaveLength(10);
  });

  test('a decision on another suspicion than the one that stands decides nothing', async ({ world }) => {
    await flushed(world, 10);
    await world.accept('source', 'absence');
    const stale = world.suspect('source')?.since;
    await world.believed('source');
    await world.fill('source', 10, 'again');
    await world.agreed('match:9', 'again');
    await world.on('source').flushall();
    const now = await world.suspected('source', 10, anything);
    expect(now.since).toBeGreaterThan(stale ?? 0);
    await world.marked();
    expect(await world.keys('target')).toHaveLength(10);
  });

  test.for([
    ['restore', 'witness saved'],
    ['restore', 'before apply source'],
    ['restore', 'applied source'],
    ['absence', 'witness saved'],
    ['absence', 'before apply target'],
    ['absence', 'applied target'],
  ] as const)(
    '%s, killed at “%s”: the next attempt carries it out, once (L8)',
    async ([word, step], { world }) => {
      await flushed(world, 200);
      await world.accept('source', word);
      const { killed } = killAt(world, step);
      await world.believed('source');
      expect(killed()).toBe(true);
      const left = word === 'restore' ? 200 : 0;
      expect([await world.keys('source'), await world.keys('target')].map(({ length }) => length)).toEqual([
        left,
        left,
      ]);
      await world.fill('source', 5, 'again');
      await world.agreed('match:4', 'again');
      await world.on('source').flushall();
      await eventually('the next question', () => world.suspect('source')?.accepted === null);
      await world.marked();
      expect((await world.keys('target')).length).toBeGreaterThanOrEqual(5);
    },
  );

  test('both sides at once: each is decided by itself', async ({ world }) => {
    const evicting = { 'maxmemory-policy': 'volatile-random' };
    await world.open({ target: evicting });
    await world.fill('source', 10, 'old');
    for (let i = 0; i < 40; i++)
      await world.on('source').set(`match:ending:${i}`, 'x'.repeat(5_000), 'PX', 600_000);
    world.sync();
    await world.live();
    await world.on('source').save();
    await world.fill('source', 3, 'new');
    await world.agreed('match:2', 'new');
    await world.marked();
    const used = Number(/used_memory:(\d+)/.exec(await world.on('target').info('memory'))?.[1]);
    await world.on('target').config('SET', 'maxmemory', String(used - 60_000));
    const left = () => world.on('target').keys('match:ending:*');
    await eventually('evictions', async () => (await left()).length < 40);
    await world.on('target').config('SET', 'maxmemory', '0');
    const gone = 40 - (await left()).length;
    await world.suspected('target', gone, new RegExp(REASONS.evicted));
    await world.kill('source');
    await world.startServer('source');
    await world.suspected('source', 3, new RegExp(REASONS.older));
    await world.accept('target', 'restore');
    await world.believed('target');
    expect(await left()).toHaveLength(40);
    expect(world.suspect('source')?.keys).toBe(3);
    expect(await world.on('target').get('match:0')).toBe('new');
    await world.accept('source', 'absence');
    await world.believed('source');
    await world.agreed('match:0', 'old');
  });
});

describe.concurrent('a target that lost everything (L5, L8)', () => {
  test('gets its records back, is filled again from V1, deletes nothing there, and waits for nobody in silence', async ({
    world,
  }) => {
    await world.open();
    await world.fill('source', 50);
    world.sync();
    await world.live();
    await world.on('target').set('match:born', 'on V2');
    await world.agreed('match:born', 'on V2');
    await world.marked();
    await world.kill('target');
    await world.startServer('target');
    await world.suspected('target', 1, new RegExp(REASONS.empty));
    expect(await world.on('target').hget('jday:authority', 'epoch')).toBe('1');
    expect(await world.keys('source')).toHaveLength(51);
    await eventually('V1’s keys on V2', async () => (await world.keys('target')).length === 50);
    await world.accept('target', 'restore');
    await world.believed('target');
    await world.agreed('match:born', 'on V2');
  });

  test('after V1 had lost everything too: what V2’s app writes at once is no key of V2’s own (L2)', async ({
    world,
  }) => {
    await flushed(world, 10);
    await world.accept('source', 'restore');
    await world.believed('source');
    // No sync runs, so no feed shows this write.
    await world.stopSync();
    await world.on('target').multi().flushdb().set('match:born', 'on V2').exec();
    world.sync();
    await eventually('the breaker', () => world.suspect('target'));
    await world.accept('target', 'restore');
    await world.believed('target');
    await world.agreed('match:born', 'on V2');
    await world.agreed('match:9', 'x');
  });
});
