import type { Redis } from 'ioredis';
import { nodesOf } from './cluster-client.ts';
import { byteString, keyBytes } from './key-bytes.ts';

/**
 * Yields the names of keys that match a pattern, batch by batch; pattern and names are byte strings. SCAN may return a
 * name twice. For a cluster all masters are scanned.
 */
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
