import type { Redis } from 'ioredis';
import { nodesOf } from './cluster/routed-redis.ts';
import { byteString, keyBytes } from './key-bytes.ts';

/** Names of keys that match a pattern (byte string), batch by batch; a name may come twice, as SCAN has it. */
export async function* scanNames(
  redis: Redis,
  pattern: string,
  count = 256,
): AsyncIterable<readonly string[]> {
  for (const node of nodesOf(redis)) yield* scanServer(node.redis, pattern, count);
}

async function* scanServer(redis: Redis, pattern: string, count: number): AsyncIterable<readonly string[]> {
  let cursor = '0';
  do {
    const args = [cursor, 'MATCH', keyBytes(pattern), 'COUNT', String(count)];
    const [next, keys] = (await redis.callBuffer('SCAN', args)) as [Buffer, Buffer[]];
    cursor = next.toString();
    if (keys.length > 0) yield keys.map(byteString);
  } while (cursor !== '0');
}
