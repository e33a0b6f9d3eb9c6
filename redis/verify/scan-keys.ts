import type { Redis } from 'ioredis';
import { assertAtRest } from '../cluster/cluster-changed.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import { byteString } from '../key-bytes.ts';

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
  let cursor = '0';
  do {
    const reply = (await redis.callBuffer('SCAN', cursor, 'COUNT', COUNT)) as [Buffer, Buffer[]];
    cursor = String(reply[0]);
    yield reply[1].map(byteString);
  } while (cursor !== '0');
}
