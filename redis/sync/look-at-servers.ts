import type { Redis } from 'ioredis';

/** Of all servers of a side together: what tells a restart, and an eviction, from what an app did (L5). */
export type ServersShown = {
  readonly runId: string;
  /** Keys that were evicted since they started. */
  readonly evicted: number;
  /** One of them has a limit of memory and a policy that drops keys. */
  readonly evicts: boolean;
};

export async function lookAtServers(servers: readonly Redis[]): Promise<ServersShown> {
  const looks = await Promise.all(servers.map(lookAt));
  return {
    runId: looks.map(({ runId }) => runId).join(' '),
    evicted: looks.reduce((sum, { evicted }) => sum + evicted, 0),
    evicts: looks.some(({ evicts }) => evicts),
  };
}

async function lookAt(redis: Redis): Promise<ServersShown> {
  const info = await redis.info('server', 'stats', 'memory');
  const field = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1] ?? '';
  return {
    runId: field('run_id'),
    evicted: Number(field('evicted_keys')),
    evicts: Number(field('maxmemory')) > 0 && field('maxmemory_policy') !== 'noeviction',
  };
}
