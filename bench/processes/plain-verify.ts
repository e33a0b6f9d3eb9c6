import type { Redis } from 'ioredis';
import { connectTo } from '../connection.ts';
import { serve } from './serve.ts';

export type PlainVerifyInput = { readonly source: string; readonly target: string };

const COUNT = 1_000;

/**
 * The simplest comparison: SCAN on one side, then GET or HGETALL on both sides in pipelines. No expiry, no transform.
 */
serve<PlainVerifyInput, never, { readonly compared: number; readonly diverged: number }>(async (input) => {
  const [source, target] = await Promise.all([connectTo(input.source), connectTo(input.target)]);
  let [compared, diverged, cursor] = [0, 0, '0'];
  do {
    const [next, keys] = await source.scan(cursor, 'COUNT', COUNT);
    cursor = next;
    const [there, here] = await Promise.all([read(source, keys), read(target, keys)]);
    compared += keys.length;
    diverged += keys.filter((_key, i) => JSON.stringify(there[i]) !== JSON.stringify(here[i])).length;
  } while (cursor !== '0');
  return { compared, diverged };
});

async function read(redis: Redis, keys: readonly string[]) {
  const pipeline = redis.pipeline();
  for (const key of keys) {
    if (key.includes(':hash:')) pipeline.hgetall(key);
    else pipeline.get(key);
  }
  return ((await pipeline.exec()) ?? []).map(([, value]) => value);
}
