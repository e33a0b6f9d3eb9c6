import { afterEach, describe, expect, it } from 'vitest';
import { fingerprint, PackedState, type TypedState } from '../../../redis/verify/typed-state.ts';
import { readTyped, streamParts } from '../../../redis/verify/typed-read.ts';
import { withRedis } from '../../support/servers/redis.ts';

const redis = withRedis();
afterEach(async () => void (await redis.client.flushall()));

const bytes = (...values: number[]) => Buffer.from(values);
const texts = (state: TypedState | undefined) => {
  if (!state) return undefined;
  expect(state).toBeInstanceOf(PackedState);
  return (state as PackedState).parts.map((part) => part.toString('latin1'));
};
const streamTexts = async (key: string) => {
  const parts: string[] = [];
  for await (const piece of streamParts(redis.client, Buffer.from(key), 2))
    parts.push(...piece.map((part) => part.toString('latin1')));
  return parts;
};

async function read(key: string): Promise<TypedState | undefined> {
  return (await readTyped(redis.client, [key]))[0];
}

describe('L13 the verifier reads by itself', () => {
  it('every type in its canonical parts, byte for byte, in the order asked for', async () => {
    const { client } = redis;
    await client.set('string', bytes(0, 255, 13, 10));
    await client.set('empty', '');
    await client.call('HSET', 'hash', bytes(255), bytes(0), 'a', '1');
    await client.rpush('list', 'b', 'a', 'b');
    await client.sadd('set', 'b', 'a', bytes(128));
    await client.zadd('zset', 0.1, 'm', '-inf', 'n', 1e300, 'o', 2, 'p');
    const keys = ['string', 'none', 'empty', 'hash', 'list', 'set', 'zset'];
    const states = await readTyped(client, keys);
    expect(states.map((state) => state?.type)).toEqual([
      'string',
      undefined,
      'string',
      'hash',
      'list',
      'set',
      'zset',
    ]);
    expect(states.map(texts)).toEqual([
      ['\0\xff\r\n'],
      undefined,
      [''],
      ['a', '1', '\xff', '\0'],
      ['b', 'a', 'b'],
      ['a', 'b', '\x80'],
      ['n', '-inf', 'm', '0.1', 'p', '2', 'o', '1e+300'],
    ]);
  });

  it('keys whose names are not text', async () => {
    await redis.client.set(bytes(255, 0, 10), 'x');
    expect(texts(await read('\xff\0\n'))).toEqual(['x']);
  });

  it('L4 the absolute expiry to the millisecond, none as null, expired as absent', async () => {
    const at = Date.now() + 123_456;
    await redis.client.set('a', 'x', 'PXAT', at);
    await redis.client.set('b', 'x');
    await redis.client.set('c', 'x', 'PXAT', Date.now() - 1);
    const states = await readTyped(redis.client, ['a', 'b', 'c']);
    expect(states.map((state) => state?.expireAtMs)).toEqual([BigInt(at), null, undefined]);
  });

  it('equal contents alike, whatever their encoding and history', async () => {
    const { client } = redis;
    await client.sadd('one', 1, 2, 3);
    await client.sadd('other', 3, 'word', 2, 1);
    await client.srem('other', 'word');
    expect(await client.object('ENCODING', 'one')).not.toBe(await client.object('ENCODING', 'other'));
    for (let i = 0; i < 600; i++) await client.hset('h1', `f${i}`, i);
    for (let i = 599; i >= 0; i--) await client.hset('h2', `f${i}`, i);
    expect(await client.dumpBuffer('h1')).not.toEqual(await client.dumpBuffer('h2'));
    const [one, other, h1, h2] = (await readTyped(client, ['one', 'other', 'h1', 'h2'])).map(fingerprint);
    expect(one).toBe(other);
    expect(h1).toBe(h2);
  });

  it('elements of every length, empty and long, few and many', async () => {
    const { client } = redis;
    const values = [0, 31, 32, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length));
    await client.rpush('long', ...values.slice(0, 6));
    await client.rpush('longest', values[6] as string);
    const counts = [15, 16, 300];
    for (const count of counts) await client.rpush(`of ${count}`, ...Array.from({ length: count }, String));
    const [long, longest, ...many] = await readTyped(client, [
      'long',
      'longest',
      ...counts.map((n) => `of ${n}`),
    ]);
    expect([...(texts(long) ?? []), ...(texts(longest) ?? [])]).toEqual(values);
    for (const [i, state] of many.entries())
      expect(texts(state)).toEqual(Array.from({ length: counts[i] as number }, String));
  });

  it('where somebody empties the store of scripts', async () => {
    await redis.client.set('a', 'x');
    for (let round = 0; round < 2; round++) {
      await redis.client.script('FLUSH');
      expect(texts(await read('a'))).toEqual(['x']);
    }
  });

  it('more keys than one batch holds, by count and by bytes', async () => {
    const keys = Array.from({ length: 1_000 }, (_, i) => `key:${i}`);
    await redis.client.mset(
      keys.flatMap((key, i) => [key, String(i).padEnd(i % 100 === 0 ? 100_000 : 3, '.')]),
    );
    const states = await readTyped(redis.client, keys);
    expect(states.map((state) => Number.parseInt(texts(state)?.[0] ?? '', 10))).toEqual(
      keys.map((_, i) => i),
    );
  });
});

describe('streams', () => {
  it('have entries, last id, groups and pending messages, and no clocks', async () => {
    const { client } = redis;
    await client.xadd('s', '1-1', 'f', 'v', 'g', '');
    await client.xadd('s', '2-1', 'f', 'w');
    await client.xgroup('CREATE', 's', 'readers', '0');
    await client.xgroup('CREATE', 's', 'idle', '$');
    await client.xreadgroup('GROUP', 'readers', 'one', 'COUNT', 1, 'STREAMS', 's', '>');
    await client.xdel('s', '2-1');
    const expected = [
      '2-1',
      '1-1',
      '4',
      'f',
      'v',
      'g',
      '',
      'idle',
      '2-1',
      '0',
      'readers',
      '1-1',
      '1',
      '1-1',
      'one',
      '1',
    ];
    expect(await streamTexts('s')).toEqual(expected);
    await client.xreadgroup('GROUP', 'readers', 'looker', 'COUNT', 1, 'STREAMS', 's', '0');
    expect(await streamTexts('s')).toEqual(expected);
  });

  it('longer than a piece, entries and pending messages alike', async () => {
    const pipeline = redis.client.pipeline();
    for (let i = 1; i <= 600; i++) pipeline.xadd('s', `${i}-0`, 'f', String(i));
    await pipeline.xgroup('CREATE', 's', 'g', '0').exec();
    await redis.client.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 's', '>');
    expect(await streamTexts('s')).toHaveLength(1 + 600 * 4 + 3 + 600 * 3);
  });

  it('an emptied one is there, a deleted one is not', async () => {
    await redis.client.xadd('s', '1-1', 'f', 'v');
    await redis.client.xdel('s', '1-1');
    expect(await streamTexts('s')).toEqual(['1-1']);
    await redis.client.del('s');
    expect(await read('s')).toBeNull();
  });
});
