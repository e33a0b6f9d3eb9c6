import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { lensOf } from '../../../domain/transform/lens.ts';
import { difference } from '../../../redis/verify/compare.ts';
import { inOneForm, largeContent, LargeState } from '../../../redis/verify/large-state.ts';
import { fingerprint, PackedState, type TypedState } from '../../../redis/verify/typed-state.ts';
import { readTyped } from '../../../redis/verify/typed-read.ts';
import { withRedis } from '../../support/servers/redis.ts';

const redis = withRedis();
afterEach(async () => void (await redis.client.flushall()));

/** So many elements make a key of some 400 kB. */
const COUNT = 3_000;
const LAST = COUNT - 1;

async function read(key: string): Promise<TypedState | undefined> {
  return (await readTyped(redis.client, [key]))[0];
}

describe('large keys are read in pieces, and held as digests', () => {
  const big = 'x'.repeat(100);
  const hashOf = (order: readonly number[]) => order.flatMap((i) => [`f${i}`, `${i}${big}`]);
  const FILL: readonly {
    type: string;
    fill: (client: Redis, key: string) => Promise<unknown>;
    /** Writes the same content with other commands, or in another order. */
    again: (client: Redis, key: string) => Promise<unknown>;
    change: Readonly<Record<string, (client: Redis, key: string) => Promise<unknown>>>;
  }[] = [
    {
      type: 'string',
      fill: (client, key) => client.set(key, 'y'.repeat(2_500_000)),
      again: async (client, key) => {
        await client.set(key, 'y'.repeat(1_300_000));
        await client.append(key, 'y'.repeat(1_200_000));
      },
      change: {
        'a byte': (client, key) => client.setrange(key, 2_400_000, 'z'),
        'a byte more': (client, key) => client.append(key, 'y'),
      },
    },
    {
      type: 'hash',
      fill: (client, key) => client.hset(key, ...hashOf(up())),
      again: (client, key) => client.hset(key, ...hashOf(down())),
      change: {
        'a value': (client, key) => client.hset(key, 'f17', 'else'),
        'a field less': (client, key) => client.hdel(key, `f${LAST}`),
        'two values swapped': (client, key) => client.hset(key, 'f1', `2${big}`, 'f2', `1${big}`),
        'a field renamed': async (client, key) => {
          await client.hdel(key, 'f3');
          await client.hset(key, 'g3', `3${big}`);
        },
      },
    },
    {
      type: 'list',
      fill: (client, key) => client.rpush(key, ...many((i) => `${i}${big}`)),
      again: (client, key) => client.lpush(key, ...many((i) => `${LAST - i}${big}`)),
      change: {
        'two items swapped': async (client, key) => {
          await client.lset(key, 700, `701${big}`);
          await client.lset(key, 701, `700${big}`);
        },
        'the end of one at the start of the next': async (client, key) => {
          await client.lset(key, 5, `5${big.slice(1)}`);
          await client.lset(key, 6, `x6${big}`);
        },
      },
    },
    {
      type: 'set',
      fill: (client, key) => client.sadd(key, ...many((i) => `${i}${big}`)),
      again: (client, key) => client.sadd(key, ...down().map((i) => `${i}${big}`)),
      change: { 'a member more': (client, key) => client.sadd(key, 'more') },
    },
    {
      type: 'zset',
      fill: (client, key) => client.zadd(key, ...many((i) => [i % 7, `${i}${big}`]).flat()),
      again: (client, key) => client.zadd(key, ...down().flatMap((i) => [`${i % 7}.0`, `${i}${big}`])),
      change: {
        'the last bit of a score': (client, key) => client.zadd(key, '3.0000000000000004', `3${big}`),
      },
    },
    {
      type: 'stream',
      fill: (client, key) => entries(client, key, 2_000),
      again: (client, key) => entries(client, key, 500),
      change: {
        'an entry less': (client, key) => client.xdel(key, '700-1'),
        'a group': (client, key) => client.xgroup('CREATE', key, 'g', '0'),
      },
    },
  ];

  it.each(FILL)(
    'a $type: equal contents alike, and every change seen',
    async ({ type, fill, again, change }) => {
      const { client } = redis;
      await fill(client, 'one');
      await again(client, 'other');
      expect(await client.memory('USAGE', 'one')).toBeGreaterThan(131_072);
      const at = Date.now() + 99_999;
      for (const key of ['one', 'other']) await client.pexpireat(key, at);
      const [one, other] = await readTyped(client, ['one', 'other']);
      expect(one).toMatchObject({ type, expireAtMs: BigInt(at) });
      expect(one).toBeInstanceOf(LargeState);
      expect(fingerprint(other!)).toBe(fingerprint(one!));
      expect(difference(null, one!, other!)).toBeNull();
      for (const [what, act] of Object.entries(change)) {
        await client.copy('one', 'changed', 'REPLACE');
        await act(client, 'changed');
        const changed = await read('changed');
        expect(difference(null, one!, changed!), what).toBe('value');
        expect(fingerprint(changed!), what).not.toBe(fingerprint(one!));
      }
    },
  );

  describe('through the transform', () => {
    const lens = lensOf('offers_to_jobs');
    const filler = () => hashOf(up());
    /** Compares a value of V1 with one of V2. */
    async function compare(one: readonly string[], other: readonly string[]) {
      const { client } = redis;
      await client.hset('one', ...one);
      await client.hset('other', ...other);
      const [source, target] = await readTyped(client, ['one', 'other'], [lens, lens]);
      return difference(lens, ...(await inOneForm(lens, source!, target!)));
    }

    it('a hash compares in V2’s form, field names and documents', async () => {
      const v1 = ['offers', '[{"offer_id":1}]', 'profile', '{"offer_id":"a","score":94.50}'];
      const v2 = ['jobs', '[{"offer_id":1}]', 'profile', '{"job_id":"a","score":94.50}'];
      expect(await compare([...v1, ...filler()], [...filler(), ...v2])).toBeNull();
      expect(await compare([...v1, ...filler()], [...filler(), ...v2.with(3, '{"job_id":"b"}')])).toBe(
        'value',
      );
    });

    it('two names for one thing are refused unless they say the same', async () => {
      const both = ['offers', '[1]', 'offres', '[2]'];
      expect(await compare([...both, ...filler()], [...both, ...filler()])).toBe('value');
      await redis.client.del('one', 'other');
      expect(
        await compare(['offers', '[1]', 'offres', '[1]', ...filler()], ['jobs', '[1]', ...filler()]),
      ).toBeNull();
    });

    it('a small copy compares with a large one', async () => {
      const { client } = redis;
      const most = 'hash-max-listpack-entries';
      await client.config('SET', most, '2000', 'hash-max-listpack-value', '200');
      await client.hset('one', 'offers', '[1]', ...filler().slice(0, 1_800));
      await client.config('SET', most, '128');
      await client.hset('other', ...filler().slice(0, 1_800), 'jobs', '[1]');
      const states = await readTyped(client, ['one', 'other'], [lens, lens]);
      expect(states.map((state) => state?.constructor)).toEqual([PackedState, LargeState]);
      expect(difference(lens, ...(await inOneForm(lens, states[0]!, states[1]!)))).toBeNull();
      await client.hset('one', 'f7', 'else');
      const [changed] = await readTyped(client, ['one'], [lens]);
      expect(difference(lens, ...(await inOneForm(lens, changed!, states[1]!)))).toBe('value');
    });

    it('a document compares in V2’s form', async () => {
      const text = JSON.stringify({
        offers: many((i) => ({ offer_id: i, title: big })),
        total_offers: COUNT,
      });
      const { client } = redis;
      await client.set('one', text);
      await client.set('other', text.replace('"offers"', '"jobs"').replace('total_offers', 'total_jobs'));
      const [source, target] = await readTyped(client, ['one', 'other'], [lens, lens]);
      expect(source).toBeInstanceOf(LargeState);
      expect(difference(lens, source!, target!)).toBeNull();
      await client.append('other', ' ');
      const [changed] = await readTyped(client, ['other'], [lens]);
      expect(difference(lens, source!, changed!)).toBe('value');
    });
  });

  it('nobody waits for a whole value: others have their turn between its pieces (L14)', async () => {
    const content = largeContent('hash', null);
    const elements = many((i) => Buffer.from(`${i}`));
    for (let i = 0; i < 60; i++) content.add(elements.map((each) => Buffer.from(`${i}:${each.toString()}`)));
    let turns = 0;
    let ended = false;
    const others = (async () => {
      for (; !ended; turns++) await nextTurn();
    })();
    await content.digest();
    ended = true;
    await others;
    expect(turns).toBeGreaterThan(200);
  });

  it('one that changes all the time is moving: like nothing else, not even itself', async () => {
    await redis.client.rpush('large', ...many((i) => `${i}${big}`));
    const writer = await redis.connect();
    let stop = false;
    const writing = (async () => {
      while (!stop) await writer.rpush('large', 'more');
    })();
    const states = [await read('large'), await read('large')];
    stop = true;
    await writing;
    expect(states.map((state) => state?.type)).toEqual(['moving', 'moving']);
    expect(fingerprint(states[0]!)).not.toBe(fingerprint(states[1]!));
    expect(await read('large')).toMatchObject({ type: 'list' });
  });

  function many<T>(make: (i: number) => T): T[] {
    return Array.from({ length: COUNT }, (_, i) => make(i));
  }

  function up(): number[] {
    return many((i) => i);
  }

  function down(): number[] {
    return many((i) => LAST - i);
  }

  async function entries(client: Redis, key: string, perPipeline: number): Promise<void> {
    for (let from = 1; from <= 2_000; from += perPipeline) {
      const pipeline = client.pipeline();
      for (let i = from; i < from + perPipeline; i++) pipeline.xadd(key, `${i}-1`, 'f', `${i}${big}`);
      await pipeline.exec();
    }
  }
});
