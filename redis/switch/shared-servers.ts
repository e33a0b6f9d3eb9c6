import type { Redis } from 'ioredis';
import { nodesOf } from '../cluster/routed-redis.ts';
import type { OpenStore, Stores } from '../stores.ts';

/** Whether another store of the plan lives on the same server: a pause there would block our own work. */
export async function serversShared(one: OpenStore, stores: Stores): Promise<boolean> {
  const mine = await runIds(one.redis);
  for (const other of stores.all) {
    if (other.store.name === one.store.name) continue;
    if ((await runIds(other.redis)).some((id) => mine.includes(id))) return true;
  }
  return false;
}

async function runIds(redis: Redis): Promise<readonly string[]> {
  const infos = await Promise.all(nodesOf(redis).map((node) => node.redis.info('server')));
  return infos.map((info) => /run_id:(\S+)/.exec(info)?.[1] ?? '');
}
