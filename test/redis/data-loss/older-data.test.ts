import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readAuthority, writeAuthority } from '../../../redis/state/authority.ts';
import type { WatermarkRecord } from '../../../redis/replication/breaker/watermark.ts';
import { loadScripts } from '../../../redis/scripts/runner.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { REASONS } from '../../../domain/protocol/loss-suspicion.ts';
import { connectTo } from '../../support/servers/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { lossyTest } from '../../support/worlds/lossy-world.ts';

const test = lossyTest;
const exactly = (reason: string) => new RegExp(`^${reason}$`);
/** The year 2100. */
const EXPIRE_AT = 4_102_444_800_000;

describe.concurrent('older data are no change (L5)', () => {
  test.for(['source', 'target'] as const)(
    'data of the %s that end less than a second before a crash: what they lack is in the journal, and nothing else is',
    async (side, { world }) => {
      const other = side === 'source' ? 'target' : 'source';
      await world.open();
      // Once armed, the next watermark stays the last one. In production another one comes only a second later.
      let armed = false;
      let crashed = (): void => undefined;
      const crash = new Promise<void>((resolve) => {
        crashed = resolve;
      });
      let marked = false;
      world.reached = (step) => {
        if (step !== 'witness saved' || !armed) return;
        marked = true;
        return crash;
      };
      world.sync();
      await world.live();
      await world.on(side).mset('match:torn', 'older', 'match:whole', 'older');
      for (const key of ['match:torn', 'match:whole']) await world.agreed(key, 'older');
      armed = true;
      await eventually('the last mark', () => marked);
      await world.on(side).save();
      await world.on(side).set('match:torn', 'newer');
      await world.agreed('match:torn', 'newer');
      await world.kill(side);
      await world.startServer(side);
      armed = false;
      crashed();
      await world.agreed('match:torn', 'older');
      await world.live();
      expect(world.suspect(side)).toBeUndefined();
      await eventually('a conflict in the status', () => world.status()?.conflicts === 1);
      const journal = world.keyspace.journal('v1');
      const [kept] = await world.on(other).hvalsBuffer(journal);
      expect(kept?.includes('newer')).toBe(true);
      await world.on(side).set('match:whole', 'by an app');
      await world.agreed('match:whole', 'by an app');
      expect(await world.on(other).hlen(journal)).toBe(1);
      expect(await world.on(side).hlen(journal)).toBe(0);
    },
  );

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
    // Neither event shows a write of the value by an app: one changes only the expiry, one is in another database.
    await world.on('source').pexpireat('match:2', EXPIRE_AT);
    const elsewhere = await connectTo(world.server('source').port, { db: 1 });
    await elsewhere.set('match:3', 'of somebody else');
    elsewhere.disconnect();
    await world.on('source').set('match:0', 'written since');
    await world.agreed('match:0', 'written since');
    await world.suspected('source', 6, exactly(REASONS.older));
    // The app's write replaced a newer value on V2, which is now in the journal.
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
      return JSON.parse(text ?? '{"mark":"","sides":{}}') as WatermarkRecord;
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
    // The ledger entry came back with the key, and V1 shows that the key was deleted since.
    await world.agreed('match:8', null);
    await world.on('source').set('match:born', 'a change of the other way goes on');
    await world.agreed('match:born', 'a change of the other way goes on');
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
    const replica = await import('../../../servers/redis-server.ts').then(({ startRedis }) =>
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
