import { describe, expect } from 'vitest';
import { REASONS } from '../../../domain/protocol/loss-suspicion.ts';
import { eventually } from '../../support/eventually.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { lossyTest } from '../../support/worlds/lossy-world.ts';

const test = lossyTest;
const exactly = (reason: string) => new RegExp(`^${reason}$`);
const AOF = { appendonly: 'yes' };

describe.concurrent('an absence is told from a delete (L5)', () => {
  test('FLUSHALL on V1: V2 keeps every key, writes and deletes of V2 go on, deletes of V1 wait', async ({
    world,
  }) => {
    await world.open();
    await world.fill('source', 20);
    world.sync();
    await world.live();
    await world.on('source').flushall();
    await world.suspected('source', 20, exactly(REASONS.flushed));
    await world.on('target').set('match:0', 'written on V2');
    await world.agreed('match:0', 'written on V2');
    await world.on('target').del('match:1');
    await world.on('source').set('match:new', 'after the flush');
    await world.agreed('match:new', 'after the flush');
    await world.on('source').del('match:new');
    await world.suspected('source', 19, exactly(REASONS.flushed));
    expect(await world.keys('target')).toHaveLength(20);
    expect(await world.on('target').get('match:new')).toBe('after the flush');
  });

  test('a flush of another database, DEBUG RELOAD, and a restart that lost nothing make nobody suspect', async ({
    world,
  }) => {
    await world.open({ source: AOF });
    await world.fill('source', 20);
    world.sync();
    await world.live();
    const other = await connectTo(world.server('source').port, { db: 3 });
    await other.set('match:1', 'of another database');
    await other.flushdb();
    await world.on('source').call('DEBUG', 'RELOAD');
    other.disconnect();
    await world.marked();
    await world.on('source').del('match:0');
    await world.agreed('match:0', null);
    await world.kill('source');
    await world.startServer('source', AOF);
    await world.on('source').del('match:1');
    await world.live();
    await world.agreed('match:1', null);
    expect(world.status()?.suspects).toEqual([]);
    expect(await world.keys('target')).toHaveLength(18);
  });

  test.for([
    ['V2', 'V1', 'target', 'source'],
    ['V1', 'V2', 'source', 'target'],
  ] as const)('eviction on %s never deletes on %s', async ([_here, _there, side, other], { world }) => {
    await world.open();
    await world.fill('source', 300, 'x'.repeat(2_000));
    world.sync();
    await world.live();
    // The server evicts keys with an expiry only. Our own records have none: without them the reason would be another.
    const expiring = world.on(side).pipeline();
    for (const key of await world.keys(side)) expiring.expire(key, 86_400);
    await expiring.exec();
    await world.marked();
    const stat = async (name: string) =>
      Number(new RegExp(`${name}:(\\d+)`).exec(await world.on(side).info('memory', 'stats'))?.[1]);
    const { token = 0 } = world.status() ?? {};
    await world.on(side).config('SET', 'maxmemory-policy', 'volatile-ttl');
    await world.on(side).config('SET', 'maxmemory', String((await stat('used_memory')) - 100_000));
    await eventually('evictions', async () => (await stat('evicted_keys')) > 20);
    await world.on(side).config('SET', 'maxmemory', '0');
    await eventually('the breaker', () => world.suspect(side)?.reason === REASONS.evicted);
    // A scan looks at every key again. It must not take the evicted keys for deleted ones.
    await eventually(
      'a second scan, or one of another attempt: one that wrote meanwhile may have ended',
      () => {
        const { copied = 0, token: now = 0, state } = world.status() ?? {};
        return copied > 500 || (now > token && state === 'live');
      },
    );
    await world.marked();
    await world.live();
    await world.suspected(side, 300 - (await world.keys(side)).length, exactly(REASONS.evicted));
    expect(await world.keys(other)).toHaveLength(300);
    expect((await world.keys(side)).length).toBeLessThan(300);
  });

  test('SWAPDB is seen within a second, though no event tells of it', async ({ world }) => {
    await world.open();
    await world.fill('source', 20);
    world.sync();
    await world.live();
    await world.on('source').call('SWAPDB', '0', '5');
    await world.suspected('source', 20, exactly(REASONS.recordsGone));
    expect(await world.keys('target')).toHaveLength(20);
  });

  test('SWAPDB: what is read from the database in the place of ours goes over nothing', async ({ world }) => {
    await world.open();
    await world.fill('source', 20);
    const elsewhere = await connectTo(world.server('source').port, { db: 5 });
    await elsewhere.set('match:0', 'of another database');
    elsewhere.disconnect();
    world.sync();
    await world.live();
    // In one transaction, so the event of the key comes before the sync can have noticed the swap.
    const swapped = world.on('source').multi().call('SWAPDB', '0', '5').expire('match:0', 10_000);
    await swapped.exec();
    await world.suspected('source', 20, exactly(REASONS.recordsGone));
    expect(new Set(await world.on('target').mget(await world.keys('target')))).toEqual(new Set(['x']));
  });

  test('SWAPDB and back: what V2 deleted meanwhile is deleted on V1', async ({ world }) => {
    await world.open();
    await world.fill('source', 20);
    world.sync();
    await world.live();
    const { token = 0 } = world.status() ?? {};
    await world.on('source').call('SWAPDB', '0', '5');
    await eventually('an attempt that has its lease in the other database to hold all back', () => {
      return (world.status()?.token ?? 0) > token && world.suspect('source')?.keys === 20;
    });
    await world.on('target').del('match:0');
    await world.on('target').set('match:new', 'after the delete');
    await world.agreed('match:new', 'after the delete');
    await world.suspected('source', 20, exactly(REASONS.recordsGone));
    await world.on('source').call('SWAPDB', '0', '5');
    await world.agreed('match:0', null);
    await world.believed('source');
    expect(new Set(await world.keys('source'))).toEqual(new Set(await world.keys('target')));
    expect(await world.keys('target')).toHaveLength(20);
  });

  test('a server that came back empty: V2 keeps every key', async ({ world }) => {
    await world.open();
    await world.fill('source', 20);
    world.sync();
    await world.live();
    await world.kill('source');
    await world.startServer('source');
    await world.suspected('source', 20, exactly(REASONS.empty));
    expect(await world.keys('target')).toHaveLength(20);
  });
});
