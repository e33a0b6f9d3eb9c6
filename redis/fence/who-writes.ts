import type { Redis } from 'ioredis';
import type { Plan } from '../../domain/plan/plan.ts';
import type { ServersSeen } from '../../domain/gates/status.ts';
import { nodesOf } from '../client/cluster-client.ts';
import { assertStillNamed } from '../client/sentinel.ts';
import type { Stores } from '../client/stores.ts';
import { strangersOn } from './strangers.ts';

/** Shortest time between two checks of the connected clients, ms. */
const LOOK_MS = 2_000;
/**
 * If there are many clients, a check reads them in pieces and takes long. Then the next check waits, so that checks
 * take at most 1/`LOOK_SHARE` of the time: the impact on the server stays bounded.
 */
const LOOK_SHARE = 25;

type Seen = { readonly strangers: ServersSeen['strangers']; readonly againAtMs: number };

const seen = new WeakMap<Stores, Seen>();

/**
 * Returns the users who write without being named in the plan, and the stores that have a demoted server. The users are
 * read again every two seconds, or less often if there are many clients.
 *
 * @throws MasterChanged Sentinel names another master now: the caller checks again there
 */
export async function readServers(plan: Plan, stores: Stores): Promise<ServersSeen> {
  return { strangers: await recentStrangers(plan, stores), demoted: await demotedStores(stores) };
}

async function recentStrangers(plan: Plan, stores: Stores): Promise<ServersSeen['strangers']> {
  const before = seen.get(stores);
  const beganMs = performance.now();
  if (before && beganMs < before.againAtMs) return before.strangers;
  for (const { redis } of stores.all) await assertStillNamed(redis);
  const strangers = await strangersOn(stores, plan);
  const tookMs = performance.now() - beganMs;
  seen.set(stores, { strangers, againAtMs: beganMs + Math.max(LOOK_MS, tookMs * LOOK_SHARE) });
  return strangers;
}

async function demotedStores(stores: Stores): Promise<readonly string[]> {
  const looks = stores.all.map(async ({ store, redis }) => ((await isDemoted(redis)) ? [store.name] : []));
  return (await Promise.all(looks)).flat();
}

/** Returns true if a server was a master when it was opened and is a replica now: a failover has taken place. */
export async function isDemoted(redis: Redis): Promise<boolean> {
  const roles = await Promise.all(nodesOf(redis).map((node) => node.redis.role()));
  return roles.some(([role]) => role !== 'master');
}
