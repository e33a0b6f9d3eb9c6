import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { CONTENT_BYTES } from '../../../domain/protocol/protocol.ts';
import { contentOf } from '../../../redis/replication/reconcile/large-digest.ts';
import { rebuild } from '../../../redis/client/chunked-read.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../../support/eventually.ts';
import { sameKey } from '../../support/values/same-key.ts';
import { dataset, planOf, withSyncWorld } from '../../support/worlds/sync-world.ts';

const plan = planOf([dataset({ name: 'match' })]);
const KEY = 'match:forged';

/** Two strings whose DUMPs end in the same CRC64. */
const ONE = Buffer.from('balance=000100 EUR..', 'latin1');
const OTHER = Buffer.from('balance=999\x01\xfb\xda\xa4\xea\xaf3w\x00', 'latin1');

/** Two sets and two hashes. The sums of 48 bits of each member's or field's SHA-1 are equal modulo 2^48. */
const READER = ['role:reader', 'a1073', 'b960'];
const ADMIN = ['role:admin', 'a47', 'b455'];
const POOR = { balance: '100', note: '4995', more: '4998' };
const RICH = { balance: '999', note: '3135', more: '239' };

/** So many members make a set or a hash a hashtable. With more than 128 KiB it also travels in pieces. */
const others = (count: number) => Array.from({ length: count }, (_, i) => `other member ${i}`);
const SIZES = [
  ['small', 600],
  ['large', 4_000],
] as const;

async function arrives(from: Redis, to: Redis): Promise<void> {
  await sameKey(from, to, KEY);
}

describe.each([
  ['redis', 'redis-server'],
  ['valkey', 'valkey-server'],
] as const)('on %s, a value that an app makes to look like the one before', (_engine, tool) => {
  const binary = findTool(tool);
  const world = withSyncWorld({ v1: { binary }, v2: { binary } });

  test('travels: strings of one CRC64, both ways (L2)', async () => {
    const { v1, v2 } = world;
    await v1.client.set(KEY, ONE);
    const sync = await world.start(plan);
    await eventually('the first', async () => (await v2.client.getBuffer(KEY))?.equals(ONE));
    await v1.client.set(KEY, OTHER);
    await eventually('the second', async () => (await v2.client.getBuffer(KEY))?.equals(OTHER));
    await v2.client.set(KEY, ONE);
    await eventually('the way back', async () => (await v1.client.getBuffer(KEY))?.equals(ONE));
    expect(sync.status()).toMatchObject({ conflicts: 0 });
  });

  test.each(SIZES)('travels: %s sets of one sum (L2)', async (_size, count) => {
    const { v1, v2 } = world;
    await v1.client.sadd(KEY, ...others(count), ...READER);
    await world.start(plan);
    await arrives(v1.client, v2.client);
    await v1.client
      .multi()
      .srem(KEY, ...READER)
      .sadd(KEY, ...ADMIN)
      .exec();
    await eventually('the other role', async () => (await v2.client.sismember(KEY, 'role:admin')) === 1);
    await arrives(v1.client, v2.client);
  });

  test.each(SIZES)('travels: %s hashes of one sum (L2)', async (_size, count) => {
    const { v1, v2 } = world;
    await v1.client.hset(KEY, Object.fromEntries(others(count).map((name) => [name, name])));
    await v1.client.hset(KEY, POOR);
    await world.start(plan);
    await arrives(v1.client, v2.client);
    await v1.client.hset(KEY, RICH);
    await eventually('the other balance', async () => (await v2.client.hget(KEY, 'balance')) === '999');
    await arrives(v1.client, v2.client);
  });

  test('travels: a large stream whose entries are joined to one (L2)', async () => {
    const { v1, v2 } = world;
    const large = 'x'.repeat(200_000);
    await v1.client
      .multi()
      .xadd(KEY, '1-0', 'f', large)
      .xadd(KEY, '2-0', 'g', 'w')
      .xadd(KEY, '3-0', 'h', 'x')
      .exec();
    await world.start(plan);
    await arrives(v1.client, v2.client);
    await v1.client
      .multi()
      .del(KEY)
      .xadd(KEY, '1-0', 'f', large, '2-0', 'g', 'w', '3-0', 'h', 'x')
      .call('XSETID', KEY, '3-0', 'ENTRIESADDED', '3', 'MAXDELETEDID', '0-0')
      .exec();
    await eventually('one entry', async () => (await v2.client.xlen(KEY)) === 1);
  });

  test('is seen though no sync ran meanwhile (L8)', async () => {
    const { v1, v2 } = world;
    await v1.client.set(KEY, ONE);
    const sync = await world.start(plan);
    await sync.live();
    await sync.stop();
    await v1.client.set(KEY, OTHER);
    await world.start(plan);
    await eventually('the second', async () => (await v2.client.getBuffer(KEY))?.equals(OTHER));
  });
});

describe('on valkey, the expiry of a field', () => {
  const binary = findTool('valkey-server');
  const world = withSyncWorld({ v1: { binary }, v2: { binary } });

  test('is not what a value says that ends like one (L2, L4)', async () => {
    const { v1, v2 } = world;
    const at = '4000000000000';
    await v1.client.hset(KEY, Object.fromEntries(others(600).map((name) => [name, name])));
    await v1.client.hset(KEY, { code: `x@${at}` });
    await world.start(plan);
    await arrives(v1.client, v2.client);
    const fields = ['HPEXPIREAT', KEY, at, 'FIELDS', '1', 'code'] as const;
    await v1.client
      .multi()
      .hset(KEY, { code: 'x' })
      .call(...fields)
      .exec();
    await eventually('the value', async () => (await v2.client.hget(KEY, 'code')) === 'x');
    expect(await v2.client.call('HPEXPIRETIME', KEY, 'FIELDS', '1', 'code')).toEqual([Number(at)]);
  });
});

describe('content in pieces', () => {
  const digestOf = async (type: string, ...pieces: Parameters<typeof rebuild>[]) => {
    const content = contentOf(type);
    for (const piece of pieces) content.add(rebuild(...piece));
    return content.digest();
  };
  const [a, b, c] = ['a', 'b', 'c'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

  test('knows no order and no pieces, and tells a set from a hash (L2)', async () => {
    const whole = await digestOf('set', ['SADD', [a, b, c]]);
    expect(await digestOf('set', ['SADD', [c]], ['SADD', [b, a]])).toBe(whole);
    expect(await digestOf('hash', ['HSET', [a, b, c, a]])).toBe(
      await digestOf('hash', ['HSET', [c, a]], ['HSET', [a, b]]),
    );
    const empty = Buffer.alloc(0);
    expect(await digestOf('hash', ['HSET', [a, empty]])).not.toBe(await digestOf('set', ['SADD', [a]]));
  });

  test.each(['string', 'list', 'zset', 'stream', 'set', 'hash'])('of a %s has its length', async (type) => {
    expect((await digestOf(type)).length).toBe(CONTENT_BYTES);
  });

  test('has the order of its members at any number of them', async () => {
    const members = Array.from({ length: 70_000 }, (_, i) => Buffer.from(`m${i}`));
    const whole = await digestOf('set', ['SADD', members]);
    expect(await digestOf('set', ['SADD', members.slice(9)], ['SADD', members.slice(0, 9)])).toBe(whole);
    expect(await digestOf('set', ['SADD', members.slice(1)])).not.toBe(whole);
  });
});
