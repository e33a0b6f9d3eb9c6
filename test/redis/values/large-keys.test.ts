import { describe, expect, test } from 'vitest';
import { allOrFew, FULL } from '../../lanes/proofs.ts';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf } from '../../../domain/plan/plan.ts';
import { clearTarget } from '../../../redis/cleanup/clear-target.ts';
import { dropRecords } from '../../../redis/cleanup/drop-records.ts';
import { withStores } from '../../../redis/client/stores.ts';
import { drainLinks } from '../../../redis/cutover/request-drain.ts';
import { findTool } from '../../../servers/tools.ts';
import type { FaultPoint } from '../../../redis/replication/reconcile/fault-points.ts';
import { eventually } from '../../support/eventually.ts';
import { LARGE_TYPES, writeLarge } from '../../support/values/large-values.ts';
import { sameKey } from '../../support/values/same-key.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const plan = planOf([dataset({ name: 'match' })]);

/** Elements of a list that takes so long to read that its app changes it meanwhile. */
const LONG = FULL ? 100_000 : 40_000;

describe('a key that is too large for one script', () => {
  const world = withSyncWorld();

  test.each(LARGE_TYPES)('a %s travels both ways, with its expiry, and changes (L2, L4)', async (type) => {
    const { v1, v2 } = world;
    const at = Date.now() + 600_123;
    await writeLarge(v1.client, 'match:large', type, 12_000);
    await v1.client.pexpireat('match:large', at);
    const sync = await world.start(plan);
    await sync.live();
    await sameKey(v1.client, v2.client, 'match:large');
    expect(await v2.client.pexpiretime('match:large')).toBe(at);
    await v2.client.unlink('match:large');
    await writeLarge(v2.client, 'match:large', type, 12_001);
    await sameKey(v1.client, v2.client, 'match:large');
    expect(sync.status()).toMatchObject({ quarantined: 0, conflicts: 0 });
  });

  test('is deleted, becomes small, becomes of another type, and large again (L2)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v1.client, 'match:large', 'hash', 12_000);
    const sync = await world.start(plan);
    await sameKey(v1.client, v2.client, 'match:large');
    await v2.client.unlink('match:large');
    await eventually('the delete', async () => (await v1.client.exists('match:large')) === 0);
    await writeLarge(v1.client, 'match:large', 'list', 12_000);
    await sameKey(v1.client, v2.client, 'match:large');
    await v1.client.set('match:large', 'small');
    await eventually('the small one', async () => (await v2.client.get('match:large')) === 'small');
    await v1.client.unlink('match:large');
    await writeLarge(v1.client, 'match:large', 'set', 12_000);
    await sameKey(v1.client, v2.client, 'match:large');
    expect(sync.status()).toMatchObject({ quarantined: 0, conflicts: 0 });
  });

  test('that changes again and again while it is read stops nobody, and arrives when it rests (L2)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v1.client, 'match:large', 'list', LONG);
    const sync = await world.start(plan);
    let changes = 0;
    const busy = eventually(
      'the sync to say so',
      async () => {
        await v1.client.rpush('match:large', `change ${++changes}`);
        return sync.status()?.throttled?.includes('changed while they were read');
      },
      // On a busy machine a walk over the list takes seconds, and the sync reports it only after some walks.
      { withinMs: 90_000, everyMs: 1 },
    );
    await busy;
    await v1.client.set('match:small', 'x');
    await eventually('another key', async () => (await v2.client.get('match:small')) === 'x');
    expect(sync.status()?.pending.toTarget).toBeGreaterThan(0);
    await sameKey(v1.client, v2.client, 'match:large');
    await eventually('nothing pending', () => sync.status()?.pending.toTarget === 0);
  });

  test('that a drain meets while it is read does not wait for its next try: the fence has stopped the app (L2)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v1.client, 'match:large', 'hash', 12_000);
    let [tries, asked] = [0, false];
    // After eight changes the key would rest for five seconds. The last change comes when the drain has begun.
    const reached = async (step: FaultPoint) => {
      if (step === 'drain barrier') asked = true;
      if (step !== 'shadow built' || ++tries > 8) return;
      if (tries === 8) {
        void drained();
        await eventually('the drain', () => asked);
      }
      await v1.client.hset('match:large', 'change', String(tries));
    };
    let end: Promise<unknown> | null = null;
    const drained = () => {
      end = drainLinks(v2.client, keyspaceOf('test'), linksOf(plan), 'source', performance.now() + 60_000);
      return end;
    };
    await world.start(plan, reached);
    await eventually('the eighth try', () => end !== null);
    await end;
    expect(tries).toBe(9);
    expect(await v2.client.hget('match:large', 'change')).toBe('8');
    const text = await v2.client.get(keyspaceOf('test').drained('v1'));
    expect((JSON.parse(text ?? '{}') as { ms: number }).ms).toBeLessThan(4_500);
  });

  test('that is deleted while it is read leaves nothing of ours behind (L14)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v1.client, 'match:large', 'string', 12_000);
    let tries = 0;
    const sync = await world.start(plan, async (step) => {
      if (step === 'shadow built' && ++tries === 1) await v1.client.unlink('match:large');
    });
    await eventually('nothing pending', () => tries > 0 && sync.status()?.pending.toTarget === 0);
    expect(await v2.client.exists('match:large')).toBe(0);
    await eventually('no shadow', async () => (await v2.client.keys('jday:test:shadow:*')).length === 0);
  });

  test('of V2 that its app changes again and again does not hold the first copy (L11)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v2.client, 'match:large', 'list', LONG);
    await v1.client.set('match:small', 'x');
    let [changes, copied] = [0, false];
    const write = async () => {
      while (!copied) await v2.client.rpush('match:large', `change ${++changes}`);
    };
    let app: Promise<void> | null = null;
    const seen: FaultPoint[] = [];
    // The app begins when the scan has read the key, which only V2 holds.
    const reached = (step: FaultPoint) => {
      seen.push(step);
      if (step === 'keys read' && seen.includes('scan target')) app ??= write();
    };
    try {
      const sync = await world.start(plan, reached);
      await sync.live();
      expect(await v2.client.get('match:small')).toBe('x');
      expect(await v1.client.exists('match:large')).toBe(0);
    } finally {
      copied = true;
      await app;
    }
    await sameKey(v1.client, v2.client, 'match:large');
    expect(changes).toBeGreaterThan(100);
  });

  test('that loses a conflict is in the journal, whole (L2), and one of V2’s own is kept as it was (L6)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v1.client, 'match:large', 'set', 12_000);
    await writeLarge(v2.client, 'match:large', 'set', 12_003);
    const at = Date.now() + 600_000;
    await v2.client.pexpireat('match:large', at);
    await world.start(plan);
    await sameKey(v1.client, v2.client, 'match:large');
    const [record] = Object.values(await v2.client.hgetallBuffer(keyspaceOf('test').journal('v1')));
    const expiry = (record as Buffer).readBigInt64BE(0);
    expect(Number(expiry)).toBe(at);
    expect((record as Buffer)[8]).toBe(255);
    const kept = (record as Buffer).subarray(9);
    expect(await v2.client.scard(kept)).toBe(12_003);
    expect(await v2.client.pttl(kept)).toBe(-1);
    const image = await v2.client.hgetBuffer(keyspaceOf('test').preimage('v1'), 'match:large');
    expect(image).toEqual(record);
  });

  test.each(['v1', 'v2'] as const)(
    'that an app of %s writes to while it is built is not written over (L2)',
    async (side) => {
      const { v1, v2 } = world;
      await writeLarge(v1.client, 'match:large', 'hash', 12_000);
      let writes = 0;
      const reached = async (step: FaultPoint) => {
        if (step !== 'shadow built' || writes++ > 0) return;
        await world[side].client.hset('match:large', 'written', side);
      };
      const sync = await world.start(plan, reached);
      await eventually('the write', () => writes > 1);
      await sameKey(v1.client, v2.client, 'match:large');
      await eventually('nothing pending', () => sync.status()?.pending.toTarget === 0);
      if (side === 'v1') expect(await v2.client.hget('match:large', 'written')).toBe('v1');
      // Then both sides have the key and V1 wins. V2's value is in the journal.
      else await eventually('the conflict', () => sync.status()?.conflicts === 1);
    },
  );

  test('goes when the migration is aborted; what stood there before comes back, and a loser is saved (L2, L6)', async () => {
    const { v1, v2 } = world;
    const saved = planOf(plan.datasets, { backup: { ...plan.backup, directory: makeTempDir() } });
    await writeLarge(v1.client, 'match:ours', 'hash', 12_000);
    await writeLarge(v1.client, 'match:both', 'list', 12_000);
    await writeLarge(v2.client, 'match:both', 'zset', 12_000);
    await writeLarge(v1.client, 'match:grown', 'list', 12_000);
    await v2.client.set('match:grown', 'small', 'PX', 600_000);
    await writeLarge(v1.client, 'match:kept', 'set', 12_000);
    const sync = await world.start(saved);
    for (const key of ['ours', 'both', 'grown', 'kept']) await sameKey(v1.client, v2.client, `match:${key}`);
    await sync.stop();
    await v2.client.sadd('match:kept', 'changed by an app since');
    const ending = <T>(work: Parameters<typeof withStores<T>>[3]) =>
      withStores(saved, world.environment(), 'test', work);
    expect(await ending((all) => clearTarget(saved, all))).toEqual({ deleted: 1, restored: 2, kept: 1 });
    await ending((all) => dropRecords(saved, all, false));
    expect((await v2.client.keys('*')).sort()).toEqual([
      'jday:authority',
      'match:both',
      'match:grown',
      'match:kept',
    ]);
    expect(await v2.client.zcard('match:both')).toBe(12_000);
    expect(await v2.client.get('match:grown')).toBe('small');
    expect(await v2.client.pttl('match:grown')).toBeGreaterThan(0);
    expect(await v1.client.keys('jday:*')).toEqual(['jday:authority']);
  });

  test('of V2 alone, there before we came, stays as it is and does not travel (L6)', async () => {
    const { v1, v2 } = world;
    await writeLarge(v2.client, 'match:own', 'zset', 12_000);
    const sync = await world.start(plan);
    await sync.live();
    await eventually('nothing pending', () => sync.status()?.pending.toSource === 0);
    expect(await v1.client.exists('match:own')).toBe(0);
    await v2.client.zadd('match:own', 1, 'changed by its app');
    await sameKey(v1.client, v2.client, 'match:own');
  });

  test('is transformed: fields and documents of a large hash, and a large document', async () => {
    const { v1, v2 } = world;
    const lensed = planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]);
    const fields = Array.from({ length: 5_000 }, (_, i) => [`f${i}`, `{"offer_id":${i}.0}`]);
    await v1.client.hset('match:h', 'offers', '[1]', ...fields.flat());
    const offers = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ offer_id: i })));
    await v1.client.set('match:s', `{"offers":${offers}}`);
    await world.start(lensed);
    await eventually('the document', async () => (await v2.client.get('match:s')) === `{"jobs":${offers}}`);
    await eventually('the hash', async () => (await v2.client.hlen('match:h')) === 5_001);
    expect(await v2.client.hmget('match:h', 'jobs', 'f7')).toEqual(['[1]', '{"job_id":7.0}']);
    await v2.client.hset('match:h', 'jobs', '[2]');
    await eventually('the way back', async () => (await v1.client.hget('match:h', 'offers')) === '[2]');
    expect(await v1.client.hget('match:h', 'f7')).toBe('{"offer_id":7.0}');
  });
});

describe('a large key between engines', () => {
  const world = withSyncWorld({ v2: { binary: findTool('valkey-server') } });

  test.each(allOrFew(['string', 'hash', 'zset', 'stream'] as const, ['hash']))(
    'a %s travels both ways (L2)',
    async (type) => {
      const { v1, v2 } = world;
      await writeLarge(v1.client, 'match:large', type, 12_000);
      await world.start(plan);
      await sameKey(v1.client, v2.client, 'match:large');
      await v2.client.unlink('match:large');
      await writeLarge(v2.client, 'match:large', type, 12_001);
      await sameKey(v1.client, v2.client, 'match:large');
    },
  );
});
