import type { Redis } from 'ioredis';
import { nodesOf } from './routed-redis.ts';

/** Keys of a database; of a cluster those of all masters. */
export async function countKeys(redis: Redis): Promise<number> {
  const counts = await Promise.all(nodesOf(redis).map((node) => node.redis.dbsize()));
  return counts.reduce((sum, count) => sum + count, 0);
}
