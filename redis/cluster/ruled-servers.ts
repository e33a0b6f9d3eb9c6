import type { Redis } from 'ioredis';
import { nodesOf, RoutedRedis } from './routed-redis.ts';
import { readSlotMap, type Replica } from './slot-map.ts';

/** A server with rules of its own for its users: no cluster and no replication carries them. `id`: its name there. */
export type RuledServer = { readonly redis: Redis; readonly id: string };

/**
 * Lets a work see every server whose users count: the masters, and the replicas, because one that is promoted in the
 * next second lets in whom its own rules let in (L1). A replica that cannot be reached is left out: one that is down
 * forgets rules set at run time, and one that comes back as a master is found by `keepFence`.
 */
export async function onRuledServers<T>(
  redis: Redis,
  work: (servers: readonly RuledServer[]) => Promise<T>,
): Promise<T> {
  const replicas = await replicasOf(redis);
  try {
    return await work([...nodesOf(redis), ...replicas]);
  } finally {
    for (const one of replicas) one.redis.disconnect();
  }
}

async function replicasOf(redis: Redis): Promise<readonly RuledServer[]> {
  if (!(redis instanceof RoutedRedis)) return [];
  const [first] = redis.nodes;
  if (!first) return [];
  const { replicas } = await readSlotMap(first.redis, first.redis.options.host ?? '');
  const open = async ({ id, host, port }: Replica) =>
    redis.openNode(host, port).then(
      (opened) => ({ id, redis: opened }),
      () => null,
    );
  return (await Promise.all(replicas.map(open))).filter((one) => one !== null);
}
