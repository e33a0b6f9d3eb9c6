import type { Redis } from 'ioredis';
import { RoutedRedis } from './routed-redis.ts';

/** UNLINK of many keys; on a cluster one by one, because a command may not name several slots. */
export async function unlinkAll(redis: Redis, keys: readonly Buffer[]): Promise<void> {
  if (keys.length === 0) return;
  if (redis instanceof RoutedRedis) await Promise.all(keys.map((key) => redis.unlink(key)));
  else await redis.unlink(...keys);
}
