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
  return byPlace(keys, (key) => redis.nodeOf(key).redis, work);
}

/** Does a work once for each place that some of the items have; the answers are in the order of the items. */
export async function byPlace<P, K, A>(
  items: readonly K[],
  placeOf: (item: K) => P,
  work: (place: P, items: readonly K[]) => Promise<readonly A[]>,
): Promise<readonly A[]> {
  const places = new Map<P, number[]>();
  for (const [i, item] of items.entries()) {
    const place = placeOf(item);
    const mine = places.get(place);
    if (mine) mine.push(i);
    else places.set(place, [i]);
  }
  const answers: A[] = [];
  const ask = async (place: P, mine: readonly number[]) => {
    const given = await work(
      place,
      mine.map((i) => items[i] as K),
    );
    for (const [at, i] of mine.entries()) answers[i] = given[at] as A;
  };
  await Promise.all([...places].map(([place, mine]) => ask(place, mine)));
  return answers;
}
