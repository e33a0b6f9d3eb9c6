import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readAuthority, writeAuthority } from '../../redis/authority.ts';
import { loadScripts } from '../../redis/scripts/index.ts';
import { REASONS } from '../../domain/suspicion.ts';
import { connectTo } from '../support/redis.ts';
import { eventually } from '../support/eventually.ts';
import { lossyTest } from '../support/lossy-world.ts';

const test = lossyTest;
const exactly = (reason: string) => new RegExp(`^${reason}$`);
const AOF = { appendonly: 'yes' };

/** The year 2100. */
const EXPIRE_AT = 4_102_444_800_000;

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
    // Idle for longer than our own records, which are used each second.
    await world.marked();
    const stat = async (name: string) =>
      Number(new RegExp(`${name}:(\\d+)`).exec(await world.on(side).info('memory', 'stats'))?.[1]);
    const { token = 0 } = world.status() ?? {};
    await world.on(side).config('SET', 'maxmemory-policy', 'allkeys-lru');
    await world.on(side).config('SET', 'maxmemory', String((await stat('used_memory')) - 100_000));
    await eventually('evictions', async () => (await stat('evicted_keys')) > 20);
    await eventually('the breaker', () => world.suspect(side)?.reason === REASONS.evicted);
    await world.on(side).config('SET', 'maxmemory', '0');
    // Everything is looked at again meanwhile: that must not make anybody believe what is not there.
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

describe.concurrent('older data are no change (L5)', () => {
  test('a restart with an old RDB: V2 keeps the newer values until the operator says, what apps write since travels', async ({
    world,
  }) => {
    await world.open();
    await world.fill('source', 10, 'old');
    await world.on('source').set('match:gone', 'deleted later');
    world.sync();
    await world.live();
    await world.on('source').save();
    await world.fill('source', 5, 'new');
    await world.on('source').del('match:gone');
    await world.on('source').set('match:born', 'after the save');
    await world.agreed('match:4', 'new');
    await world.agreed('match:gone', null);
    await world.agreed('match:born', 'after the save');
    await world.marked();
    await world.kill('source');
    await world.startServer('source');
    expect(await world.on('source').get('match:0')).toBe('old');
    // Five older values, one absence, and one key that reappeared.
    await world.suspected('source', 7, exactly(REASONS.older));
    expect(await world.on('target').get('match:0')).toBe('new');
    expect(await world.on('target').exists('match:gone')).toBe(0);
    // Neither says that an app has written the value: the expiry alone, and a key of that name in another database.
    await world.on('source').pexpireat('match:2', EXPIRE_AT);
    const elsewhere = await connectTo(world.server('source').port, { db: 1 });
    await elsewhere.set('match:3', 'of somebody else');
    elsewhere.disconnect();
    await world.on('source').set('match:0', 'written since');
    await world.agreed('match:0', 'written since');
    await world.suspected('source', 6, exactly(REASONS.older));
    // What it went over was newer than what the app saw.
    expect(await world.on('target').hlen(world.keyspace.journal('v1'))).toBe(1);
    expect(await world.on('target').mget('match:2', 'match:3')).toEqual(['new', 'new']);
    await world.accept('source', 'restore');
    await world.believed('source');
    for (const key of ['match:1', 'match:2', 'match:3']) await world.agreed(key, 'new');
    await world.agreed('match:born', 'after the save');
    await world.agreed('match:9', 'old');
    const journal = await world.on('source').hlen(world.keyspace.journal('v1'));
    expect(journal).toBe(4);
  });

  test('V2 after the flip, with an RDB from before it: it has the authority again, and V1 keeps the newer values', async ({
    world,
  }) => {
    await world.open();
    await world.fill('source', 10, 'old');
    world.sync();
    await world.live();
    await world.on('target').save();
    for (const side of ['target', 'source'] as const)
      await writeAuthority(await loadScripts(world.on(side)), { side: 'target', epoch: 2 });
    await world.fill('target', 5, 'new');
    await world.on('target').del('match:8');
    await world.agreed('match:4', 'new');
    await world.agreed('match:8', null);
    await world.marked();
    await world.kill('target');
    await world.startServer('target');
    expect(await world.on('target').mget('match:0', 'match:8')).toEqual(['old', 'old']);
    await world.suspected('target', 5, exactly(REASONS.older));
    expect(await readAuthority(world.on('target'))).toEqual({ side: 'target', epoch: 2 });
    expect(await world.on('source').get('match:0')).toBe('new');
    // Its entry came back with it, and V1 says what has become of it since.
    await world.agreed('match:8', null);
    await world.on('source').set('match:9', 'a change of the other way goes on');
    await world.agreed('match:9', 'a change of the other way goes on');
    await world.accept('target', 'restore');
    await world.believed('target');
    await world.agreed('match:4', 'new');
  });

  test('a failover to a stale replica at the same address; a current one makes nobody suspect', async ({
    world,
  }) => {
    await world.open();
    await world.fill('source', 5, 'old');
    const { port } = world.server('source');
    const promote = async (dir: string) => {
      await world.kill('source');
      copyFileSync(join(dir, 'replica.rdb'), join(world.dirOf('source'), 'dump.rdb'));
      await world.startServer('source', {}, port);
    };
    world.sync();
    await world.live();
    const replica = await import('../../servers/redis-server.ts').then(({ startRedis }) =>
      startRedis({
        dir: join(world.dirOf('source'), 'replica'),
        config: { replicaof: `127.0.0.1 ${port}`, dbfilename: 'replica.rdb' },
      }),
    );
    const mirror = await connectTo(replica.port);
    try {
      await eventually('the replica to follow', async () => (await mirror.get('match:0')) === 'old');
      await world.fill('source', 2, 'seen by the replica');
      await eventually('it to follow', async () => (await mirror.get('match:1')) === 'seen by the replica');
      await world.agreed('match:1', 'seen by the replica');
      await world.stopSync();
      await mirror.call('REPLICAOF', 'NO', 'ONE');
      await mirror.save();
      await promote(replica.dir);
      world.sync();
      await world.live();
      await world.marked();
      expect(world.status()?.suspects).toEqual([]);
      await world.fill('source', 2, 'not seen by it');
      await world.agreed('match:1', 'not seen by it');
      await world.marked();
      await promote(replica.dir);
      await world.suspected('source', 2, exactly(REASONS.older));
      expect(await world.on('target').get('match:1')).toBe('not seen by it');
    } finally {
      mirror.disconnect();
      await replica.stop();
      rmSync(replica.dir, { recursive: true, force: true });
    }
  });
});
