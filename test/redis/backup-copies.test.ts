import { expect, it } from 'vitest';
import { readCopies } from '../../redis/backup/copies.ts';
import { withRedis } from '../support/redis.ts';

const redis = withRedis();
const KEYS = 2_000;
const ROUNDS = 40;

it('L10: a key that ends by itself between the reads of its value and of its expiry is gone, not different', async () => {
  const names = Array.from({ length: KEYS }, (_name, i) => Buffer.from(`ending:${i}`));
  let mixed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // All of them end at one moment, which falls into the reading of one of them.
    const at = Date.now() + 40;
    const pipeline = redis.client.pipeline();
    for (const name of names) pipeline.set(name, 'value', 'PXAT', at);
    await pipeline.exec();
    for (let left = names.length; left > 0; ) {
      const copies = await readCopies(redis.client, names);
      for (const { body, expiresAt } of copies) expect(body === null).toBe(expiresAt === -2);
      left = copies.filter(({ body }) => body !== null).length;
      if (left > 0 && left < names.length) mixed++;
    }
  }
  expect(mixed).toBeGreaterThan(0);
});
