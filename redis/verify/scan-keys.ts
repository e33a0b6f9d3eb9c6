import type { Redis } from 'ioredis';
import { byteString } from '../key-bytes.ts';

const COUNT = 256;

/**
 * All keys of a database (byte strings) in batches; a key may come twice, one present throughout comes at least
 * once. No MATCH: each pattern would walk the whole keyspace again, and the caller knows the owners anyway.
 */
export async function* scanKeys(redis: Redis): AsyncGenerator<readonly string[]> {
  let cursor = '0';
  do {
    const reply = (await redis.callBuffer('SCAN', cursor, 'COUNT', COUNT)) as [Buffer, Buffer[]];
    cursor = String(reply[0]);
    yield reply[1].map(byteString);
  } while (cursor !== '0');
}
