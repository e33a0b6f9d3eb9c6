import { beforeEach, describe, expect, test } from 'vitest';
import { assertSame } from '../../bench/end-check.ts';
import { withRedis } from '../support/servers/redis.ts';

describe('the end check of the bench, which owes the engine nothing', () => {
  const source = withRedis();
  const target = withRedis();
  const at = Date.now() + 3_600_000;
  const check = (expected: 'same' | 'offers become jobs' = 'same') =>
    assertSame(source.client, target.client, expected, 0);

  beforeEach(async () => {
    for (const { client } of [source, target]) {
      await client.flushall();
      await client.set('match:document:0', '{"offers":[{"id":1}]}', 'PXAT', at);
      await client.hset('match:hash:1', { offer_id: '1', score: '94.5' });
      await client.set('match:text:2', 'text');
      await client.set('jday:bench:lease:v1', '1');
    }
    await target.client.del('jday:bench:lease:v1');
  });

  test('equal sides pass, and what is ours is not compared', async () => {
    expect(await check()).toBe(3);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a value', () => target.client.set('match:text:2', 'test')],
    ['an expiry by one millisecond', () => target.client.pexpireat('match:document:0', at + 1)],
    ['an expiry that is gone', () => target.client.persist('match:document:0')],
    ['a field', () => target.client.hset('match:hash:1', 'score', '94.50')],
    ['a type', () => target.client.multi().del('match:hash:1').set('match:hash:1', 'x').exec()],
    ['a key that is lost', () => target.client.del('match:text:2')],
    ['a key that nobody wrote', () => target.client.set('match:text:9', 'stranger')],
  ])('finds %s', async (_what, damage) => {
    await damage();
    await expect(check()).rejects.toThrow('1 of 3 keys differ');
  });

  test('two empty sides prove nothing (L7)', async () => {
    await Promise.all([source.client.flushall(), target.client.flushall()]);
    await expect(check()).rejects.toThrow('0 of 0 keys differ');
  });

  test('through the transform it expects V2’s names, and V1’s are a difference', async () => {
    await expect(check('offers become jobs')).rejects.toThrow('2 of 3 keys differ');
    await target.client.set('match:document:0', '{"jobs":[{"id":1}]}', 'PXAT', at);
    await target.client.hdel('match:hash:1', 'offer_id');
    await target.client.hset('match:hash:1', 'job_id', '1');
    expect(await check('offers become jobs')).toBe(3);
  });
});
