import type { Redis } from 'ioredis';
import { REPLICA_TIMEOUTS, openReplicas, type Replicas, type ServerWithRules } from './replicas.ts';
import { nodesOf, RoutedRedis } from './cluster-client.ts';

export type { ServerWithRules as RuledServer } from './replicas.ts';

/**
 * Calls `work` with every server whose ACL rules a fence must change, and returns its result. These servers are the
 * masters, plus all other nodes of the cluster or all replicas of the server. A replica may be promoted in the next
 * second, and then its own rules decide who can write. Without the fence there, apps could write on both sides.
 *
 * A server beside the masters that is unreachable or silent is left out. A server that is down forgets the rules that
 * were set at run time, so a new rule would not last there. If it comes back as a master, `keepFence` fences it.
 */
export async function onRuledServers<T>(
  redis: Redis,
  work: (servers: readonly ServerWithRules[]) => Promise<T>,
): Promise<T> {
  return onServersBeside(redis, ({ reached }) => work([...nodesOf(redis), ...reached]));
}

/** Like `onRuledServers`, but without the masters. `work` also gets the number of servers that were not reached. */
export async function onServersBeside<T>(redis: Redis, work: (beside: Replicas) => Promise<T>): Promise<T> {
  const beside = await openBeside(redis);
  try {
    return await work(beside);
  } finally {
    for (const one of beside.reached) one.redis.disconnect();
  }
}

/**
 * Returns the nodes of the cluster that serve no slot; most of them are replicas. Returns nothing if `redis` is not a
 * cluster. Every node knows all members, so one node that answers is enough.
 *
 * @throws the error of the first node when no node lists the members
 */
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

async function openBeside(redis: Redis): Promise<Replicas> {
  if (!(redis instanceof RoutedRedis)) return openReplicas(redis);
  const open = async ({ id, host, port }: Member) =>
    redis.openNode(host, port, REPLICA_TIMEOUTS).then(
      (opened) => ({ id, redis: opened }),
      () => null,
    );
  const opened = await Promise.all((await membersBeside(redis)).map(open));
  const reached = opened.filter((one) => one !== null);
  return { reached, unreached: opened.length - reached.length };
}

/** A node as another node lists it. Its role is any of these: master, replica, master without slots. */
type Member = { readonly id: string; readonly host: string; readonly port: number };

/**
 * A line of CLUSTER NODES: `id ip:port@bus[,hostname] flags …`. The line of the asked node itself may lack its host.
 */
const LINE = /^(\S+) (\S*):(\d+)(?:@\d+)?(?:,([^\s,=]+)(?=[\s,]))?\S* (\S+) /gm;

/** Returns the members that one node lists. Leaves out members that failed, have no address or are still joining. */
async function readMembers(redis: Redis): Promise<readonly Member[]> {
  const told = String(await redis.call('CLUSTER', ['NODES']));
  return [...told.matchAll(LINE)]
    .filter(([, , , , , flags = '']) => !/fail|noaddr|handshake/.test(flags))
    .map(([, id = '', ip = '', port, hostname]) => ({
      id,
      host: hostname ?? (ip || (redis.options.host ?? '')),
      port: Number(port),
    }));
}
