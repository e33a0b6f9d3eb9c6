import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readAuthority, writeAuthority } from '../../redis/authority.ts';
import type { WitnessRecord } from '../../redis/sync/witness-record.ts';
import { loadScripts } from '../../redis/scripts/index.ts';
import type { Side } from '../../domain/side.ts';
import { REASONS } from '../../domain/suspicion.ts';
import { connectTo } from '../support/redis.ts';
import { eventually } from '../support/eventually.ts';
import { lossyTest } from '../support/lossy-world.ts';

const test = lossyTest;
const exactly = (reason: string) => new RegExp(`^${reason}$`);
/** The year 2100. */
const EXPIRE_AT = 4_102_444_800_000;

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

  test('a restart with an RDB from between the last two marks: what was agreed before the last one is not overwritten', async ({
    world,
  }) => {
    const knownOn = async (side: Side) => {
      const text = await world.on(side).get(world.keyspace.witness('v1'));
      return JSON.parse(text ?? '{"mark":"","sides":{}}') as WitnessRecord;
    };
    await world.open();
    await world.fill('source', 10, 'old');
    world.sync();
    await world.live();
    await world.marked();
    const { mark } = await knownOn('source');
    await eventually('another mark', async () => (await knownOn('source')).mark > mark);
    await world.on('source').save();
    const saved = (await knownOn('source')).mark;
    await world.fill('source', 5, 'new');
    await world.agreed('match:4', 'new');
    await eventually('V2 to know the next mark of V1', async () => {
      const known = await knownOn('target');
      return known.mark > saved && known.sides.source?.mark === known.mark;
    });
    await world.kill('source');
    await world.startServer('source');
    await world.suspected('source', 5, exactly(REASONS.older));
    expect(await world.on('target').get('match:4')).toBe('new');
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
