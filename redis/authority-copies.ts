import type { Redis } from 'ioredis';
import { keyspaceOf } from '../domain/keyspace.ts';
import type { Plan } from '../domain/plan.ts';
import { shardsOfPlan } from '../domain/shard.ts';
import { tagged } from '../domain/slot.ts';
import { type AuthorityRecord, readAuthority, writeAuthority } from './authority.ts';
import { nodesOf, RoutedRedis } from './cluster/routed-redis.ts';
import { loadScripts } from './scripts/index.ts';
import type { Stores } from './stores.ts';
import { tagsTold } from './sync/lease.ts';

/**
 * Raises what the nodes of a cluster compare a write with to the record that decides: under the tag of every node, and
 * under each tag that an attempt has made known and may still compare with. Before anybody is let in: else what a sync
 * has decided under the old epoch could land beside their writes (L1). One server compares with the record itself.
 */
export async function raiseCopies(redis: Redis, plan: Plan, record: AuthorityRecord): Promise<void> {
  const run = await loadScripts(redis);
  for (const key of await copiesOn(redis, plan)) await writeAuthority(run, record, key);
}

/** Keys of the copies on a cluster; one server has none. */
async function copiesOn(redis: Redis, plan: Plan): Promise<readonly string[]> {
  if (!(redis instanceof RoutedRedis)) return [];
  const keyspace = keyspaceOf(plan.migration);
  const tags = new Set(nodesOf(redis).map(({ tag }) => tag));
  for (const { name } of shardsOfPlan(plan))
    for (const tag of await tagsTold(redis, keyspace, name)) tags.add(tag);
  return [...tags].map((tag) => tagged(keyspace.authority(), tag));
}

/**
 * The record on V2 decides; a server that came back without its last second, or a replica that was behind when it took
 * over, may have lost it. All others were told after V2: a later one among them is what stood there, and stands there
 * again. Asked before any side is opened: an older record would open the wrong one (L1).
 */
export async function decidingRecord(stores: Stores, plan: Plan): Promise<AuthorityRecord | null> {
  const { redis } = stores.target;
  const record = await readAuthority(redis);
  let latest = record;
  for (const one of stores.all)
    for (const key of [undefined, ...(await copiesOn(one.redis, plan))]) {
      const told = await readAuthority(one.redis, key);
      if ((told?.epoch ?? 0) > (latest?.epoch ?? 0)) latest = told;
    }
  if (latest !== null && latest !== record) await writeAuthority(await loadScripts(redis), latest);
  return latest;
}
