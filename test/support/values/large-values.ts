import type { Redis } from 'ioredis';

const BATCH = 5_000;

export const LARGE_TYPES = ['string', 'hash', 'set', 'zset', 'list', 'stream'] as const;
export type LargeType = (typeof LARGE_TYPES)[number];

/**
 * Writes a value of `count` elements of 16 bytes, in batches that do not stall the server. A string gets as many bytes
 * in all.
 */
export async function writeLarge(redis: Redis, key: string, type: LargeType, count: number): Promise<void> {
  if (type === 'string') return void (await redis.set(key, Buffer.alloc(16 * count, 'text that goes on. ')));
  for (let from = 0; from < count; from += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => from + i);
    const pipeline = redis.pipeline();
    for (let i = 0; i < numbers.length; i += 500) addTo(pipeline, key, type, numbers.slice(i, i + 500));
    await pipeline.exec();
  }
}

type Pipeline = ReturnType<Redis['pipeline']>;

function addTo(pipeline: Pipeline, key: string, type: LargeType, numbers: readonly number[]): void {
  const name = (n: number) => `element ${String(n).padStart(8, '0')}`;
  if (type === 'hash') pipeline.hset(key, ...numbers.flatMap((n) => [name(n), n]));
  else if (type === 'set') pipeline.sadd(key, ...numbers.map(name));
  else if (type === 'zset') pipeline.zadd(key, ...numbers.flatMap((n) => [n / 3, name(n)]));
  else if (type === 'list') pipeline.rpush(key, ...numbers.map(name));
  else for (const n of numbers) pipeline.xadd(key, `${n + 1}-1`, 'n', name(n));
}
