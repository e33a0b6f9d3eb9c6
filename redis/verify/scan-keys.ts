import type { Redis } from 'ioredis';
import { assertAtRest } from '../cluster/cluster-changed.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import { byteString } from '../key-bytes.ts';

type Page = readonly [cursor: Buffer, keys: readonly Buffer[]];

const COUNT = 256;

/**
 * All keys of a database (byte strings) in batches; a key may come twice, one present throughout comes at least
 * once. No MATCH: each pattern would walk the whole keyspace again, and the caller knows the owners anyway.
 *
 * Of a cluster those of all masters. A key that changes nodes meanwhile could pass by unseen, so a walk begins and ends
 * with every slot at rest.
 *
 * @throws ClusterChanged
 */
export async function* scanKeys(redis: Redis): AsyncGenerator<readonly string[]> {
  await assertAtRest(redis);
  for (const node of nodesOf(redis)) yield* scanServer(node.redis);
  await assertAtRest(redis);
}

async function* scanServer(redis: Redis): AsyncGenerator<readonly string[]> {
  const page = (cursor: string) => redis.callBuffer('SCAN', cursor, 'COUNT', COUNT) as Promise<Page>;
  let next: Promise<Page> | null = page('0');
  while (next !== null) {
    const [cursor, keys]: Page = await next;
    // The server looks for the next page while this one is compared; its failure is met when it is asked for.
    next = String(cursor) === '0' ? null : page(String(cursor));
    next?.catch(() => {});
    yield keys.map(byteString);
  }
}
