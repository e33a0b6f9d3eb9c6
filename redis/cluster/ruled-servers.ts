import type { Redis } from 'ioredis';
import { type Member, readMembers } from './members.ts';
import { nodesOf, RoutedRedis } from './routed-redis.ts';

/** A server with rules of its own for its users: no cluster and no replication carries them. `id`: its name there. */
export type RuledServer = { readonly redis: Redis; readonly id: string };

/**
 * Lets a work see every server whose users count: the masters, and all other nodes of the cluster, because one that is
 * promoted in the next second lets in whom its own rules let in (L1). One of those that cannot be reached is left out: a
 * server that is down forgets rules set at run time, and one that comes back as a master is found by `keepFence`.
 */
export async function onRuledServers<T>(
  redis: Redis,
  work: (servers: readonly RuledServer[]) => Promise<T>,
): Promise<T> {
  const others = await othersOf(redis);
  try {
    return await work([...nodesOf(redis), ...others]);
  } finally {
    for (const one of others) one.redis.disconnect();
  }
}

/** Nodes of the cluster that serve no slot, most of them replicas. Every node knows them: one that answers is enough. */
export async function membersBeside(redis: Redis): Promise<readonly Member[]> {
  if (!(redis instanceof RoutedRedis)) return [];
  const serving = new Set(redis.nodes.map(({ id }) => id));
  const told = await Promise.allSettled(redis.nodes.map((node) => readMembers(node.redis)));
  const known = told.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const [first] = told;
  if (known.length === 0 && first?.status === 'rejected') throw first.reason;
  const others = known.filter(({ id }) => !serving.has(id));
  return [...new Map(others.map((one) => [one.id, one])).values()];
}

async function othersOf(redis: Redis): Promise<readonly RuledServer[]> {
  if (!(redis instanceof RoutedRedis)) return [];
  const open = async ({ id, host, port }: Member) =>
    redis.openNode(host, port).then(
      (opened) => ({ id, redis: opened }),
      () => null,
    );
  return (await Promise.all((await membersBeside(redis)).map(open))).filter((one) => one !== null);
}
