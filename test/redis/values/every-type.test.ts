import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../redis/client/key-bytes.ts';
import { readTyped } from '../../../redis/verify/typed-read.ts';
import { fingerprint } from '../../../redis/verify/typed-state.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { writeEveryType } from '../../support/values/every-type.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const valkey = { binary: findTool('valkey-server') };

/** Compares the keys of two servers as the verifier reads them: every byte, and the expiry to the ms. */
async function sameKeys(one: Redis, other: Redis, names: readonly Buffer[]): Promise<void> {
  const keys = names.map(byteString);
  await eventually('both sides to hold the same', async () => {
    const [here, there] = [await readTyped(one, keys), await readTyped(other, keys)];
    expect(here).not.toContain(null);
    expect(there.map(fingerprint)).toEqual(here.map(fingerprint));
    return true;
  });
}

describe.each([
  { name: 'Redis 7.0 → Valkey 9.1', servers: { v2: valkey } },
  { name: 'Valkey 9.1 → Redis 7.0', servers: { v1: valkey } },
  { name: 'Redis 7.0 → Redis 7.0', servers: {} },
])('$name', ({ servers }) => {
  const world = withSyncWorld(servers);
  const plan = planOf([dataset({ name: 'match' })]);

  test('every type travels both ways with its absolute expiry, to the letter (L2, L4)', async () => {
    const { v1, v2 } = world;
    const expireAt = Date.now() + 600_123;
    const before = await writeEveryType(v1.client, 'match:', expireAt);
    const sync = await world.start(plan);
    await sync.live();
    await sameKeys(v1.client, v2.client, before);
    const born = await writeEveryType(v2.client, 'match:v2:', expireAt);
    await sameKeys(v2.client, v1.client, born);
    expect(sync.status()).toMatchObject({ quarantined: 0, conflicts: 0 });
  });

  test('equal values on both sides agree, whatever server holds them; different ones are a conflict (L2)', async () => {
    const { v1, v2 } = world;
    for (const { client } of [v1, v2]) {
      await client.set('match:same', '1.0');
      await client.zadd('match:same zset', '0.1', 'a', 'inf', 'b');
      await client.sadd('match:same set', 'x', 'y');
      await client.xadd('match:same stream', '1-1', 'a', 'b');
    }
    await v1.client.rpush('match:other', 'v1');
    await v2.client.rpush('match:other', 'v2');
    const sync = await world.start(plan);
    await sync.live();
    await sameKeys(v1.client, v2.client, [Buffer.from('match:other')]);
    expect(await v2.client.lrange('match:other', 0, -1)).toEqual(['v1']);
    await eventually('one conflict', () => sync.status()?.conflicts === 1);
  });
});

describe('TTLs of hash fields', () => {
  const world = withSyncWorld({ v1: valkey, v2: valkey });

  test.each([
    { what: 'byte for byte', plan: planOf([dataset({ name: 'match' })]), field: 'offers' },
    {
      what: 'under the name that the transform gives them',
      plan: planOf([dataset({ name: 'match', transform: 'offers_to_jobs' })]),
      field: 'jobs',
    },
  ])('travel $what, and are kept on the way back (L4)', async ({ plan, field }) => {
    const { v1, v2 } = world;
    const at = Date.now() + 600_123;
    await v1.client.hset('match:h', { offers: '[1]', plain: 'x' });
    await v1.client.call('HPEXPIREAT', ['match:h', String(at), 'FIELDS', '1', 'offers']);
    const sync = await world.start(plan);
    await sync.live();
    const ttls = (redis: Redis, ...fields: string[]) =>
      redis.call('HPEXPIRETIME', ['match:h', 'FIELDS', String(fields.length), ...fields]);
    await eventually('the field on V2', async () => (await v2.client.hget('match:h', field)) === '[1]');
    expect(await ttls(v2.client, field, 'plain')).toEqual([at, -1]);
    await v2.client.hset('match:h', 'plain', 'from V2');
    await eventually('the way back', async () => (await v1.client.hget('match:h', 'plain')) === 'from V2');
    expect(await ttls(v1.client, 'offers', 'plain')).toEqual([at, -1]);
  });

  test('a field that expires is gone on both sides, and nothing else changes (L4)', async () => {
    const { v1, v2 } = world;
    await v1.client.hset('match:h', { short: '1', long: '2' });
    const endsIn = (ms: number) =>
      v1.client.call('HPEXPIRE', ['match:h', String(ms), 'FIELDS', '1', 'short']);
    await endsIn(600_000);
    const sync = await world.start(planOf([dataset({ name: 'match' })]));
    await sync.live();
    await eventually('the copy', async () => (await v2.client.hlen('match:h')) === 2);
    // Only now, because a slow copy would otherwise come after the end of the field.
    await endsIn(500);
    for (const { client } of [v1, v2])
      await eventually('the field to go', async () => (await client.hexists('match:h', 'short')) === 0);
    for (const { client } of [v1, v2]) expect(await client.hgetall('match:h')).toEqual({ long: '2' });
    expect(sync.status()?.conflicts).toBe(0);
  });
});

describe('TTLs of hash fields towards a server without them', () => {
  const world = withSyncWorld({ v1: valkey });

  test('go to quarantine, whole, instead of losing their expiry (L11)', async () => {
    const { v1, v2 } = world;
    await v1.client.hset('match:h', { a: '1' });
    await v1.client.call('HPEXPIRE', ['match:h', '600000', 'FIELDS', '1', 'a']);
    const sync = await world.start(planOf([dataset({ name: 'match' })]));
    await eventually('the quarantine', () => sync.status()?.quarantined === 1);
    expect(await v2.client.exists('match:h')).toBe(0);
    await v1.client.call('HPERSIST', ['match:h', 'FIELDS', '1', 'a']);
    await eventually('the repaired hash', async () => (await v2.client.hget('match:h', 'a')) === '1');
    await eventually('the empty quarantine', () => sync.status()?.quarantined === 0);
  });
});
