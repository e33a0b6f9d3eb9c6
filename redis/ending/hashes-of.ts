import type { Redis } from 'ioredis';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import { scanNames } from '../scan-names.ts';

/** Where a hash of ours stands that is written beside the keys it speaks of: on a cluster once for each node there ever was. */
export async function hashesOf(redis: Redis, key: string): Promise<readonly string[]> {
  if (!(redis instanceof RoutedRedis)) return [key];
  const found = new Set<string>();
  for await (const names of scanNames(redis, `${key}:{*}`)) for (const name of names) found.add(name);
  return [...found];
}
