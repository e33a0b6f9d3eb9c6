import type { Redis } from 'ioredis';
import { RoutedRedis } from './routed-redis.ts';

/**
 * Does a work on keys (byte strings) once for each server that holds some of them; the answers are in the order of the
 * keys. One server is one work, without a copy.
 */
export async function byNode<A>(
  redis: Redis,
  keys: readonly string[],
  work: (server: Redis, keys: readonly string[]) => Promise<readonly A[]>,
): Promise<readonly A[]> {
  if (!(redis instanceof RoutedRedis)) return work(redis, keys);
  const places = new Map<Redis, number[]>();
  for (const [i, key] of keys.entries()) {
    const server = redis.nodeOf(key).redis;
    const mine = places.get(server);
    if (mine) mine.push(i);
    else places.set(server, [i]);
  }
  const answers: A[] = [];
  const ask = async (server: Redis, mine: readonly number[]) => {
    const given = await work(
      server,
      mine.map((i) => keys[i] as string),
    );
    for (const [at, i] of mine.entries()) answers[i] = given[at] as A;
  };
  await Promise.all([...places].map(([server, mine]) => ask(server, mine)));
  return answers;
}
