import type { Redis } from 'ioredis';
import type { LinkOptions } from './data-link.ts';
import { serverIdOf } from './server-info.ts';

/**
 * Longest waits for a server beside the masters, ms. A server that does not answer, or that accepts the connection and
 * stays silent, must not use up the time for which apps wait. There is no ready check, because rules can be set while a
 * replica still loads the data of its master.
 */
export const REPLICA_TIMEOUTS: LinkOptions = { connectTimeout: 500, replyMs: 1_000, enableReadyCheck: false };

/**
 * A server with its own ACL rules: neither a cluster nor replication copies rules to another server. `id`: its node
 * id in a cluster, or a hash of its address; empty for a single server that the plan's URL names.
 */
export type ServerWithRules = { readonly redis: Redis; readonly id: string };

type Address = { readonly host: string; readonly port: number };

/**
 * The replicas of one server that were opened, and the number of others. The fence cannot be raised on those others.
 */
export type Replicas = { readonly reached: readonly ServerWithRules[]; readonly unreached: number };

/** A line of INFO: `slave0:ip=10.0.0.7,port=6379,state=online,…`. The replica itself announces this address. */
const LINE = /^slave\d+:ip=([^,]+),port=(\d+),/gm;

/**
 * Opens every replica of a server that is not a cluster, and the replicas of those replicas. Any of them may be
 * promoted in the next second, and then its own rules decide who can write. User, password and TLS are those of the
 * server.
 */
export async function openReplicas(redis: Redis): Promise<Replicas> {
  const reached: ServerWithRules[] = [];
  const seen = new Set<string>();
  let unreached = 0;
  let told = await replicasOf(redis);
  while (told.length > 0) {
    const fresh = told.filter((one) => isNew(seen, serverIdOf(one)));
    const opened = await Promise.all(fresh.map((one) => openReplica(redis, one)));
    const found = opened.filter((one) => one !== null);
    unreached += opened.length - found.length;
    reached.push(...found.map(({ server }) => server));
    told = found.flatMap(({ replicas }) => replicas);
  }
  return { reached, unreached };
}

async function replicasOf(redis: Redis): Promise<readonly Address[]> {
  const told = await redis.info('replication');
  return [...told.matchAll(LINE)].map(([, host = '', port]) => ({ host, port: Number(port) }));
}

type Opened = { readonly server: ServerWithRules; readonly replicas: readonly Address[] };

/** Opens one replica. If it does not list its own replicas, it is closed again and counts as not reached. */
async function openReplica(master: Redis, address: Address): Promise<Opened | null> {
  const redis = master.duplicate({ ...REPLICA_TIMEOUTS, ...address });
  // Without a listener ioredis prints the error itself, with the address.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return { server: { id: serverIdOf(address), redis }, replicas: await replicasOf(redis) };
  } catch {
    redis.disconnect();
    return null;
  }
}

function isNew(seen: Set<string>, id: string): boolean {
  return !seen.has(id) && seen.add(id).has(id);
}
