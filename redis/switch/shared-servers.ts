import type { Redis } from 'ioredis';
import type { OpenStore, Stores } from '../stores.ts';

/** Whether another store of the plan lives on the same server: a pause there would block our own work. */
export async function serversShared(one: OpenStore, stores: Stores): Promise<boolean> {
  const mine = await runId(one.redis);
  for (const other of stores.all) {
    if (other.store.name !== one.store.name && (await runId(other.redis)) === mine) return true;
  }
  return false;
}

async function runId(redis: Redis): Promise<string> {
  return /run_id:(\S+)/.exec(await redis.info('server'))?.[1] ?? '';
}
