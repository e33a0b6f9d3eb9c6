import type { Redis } from 'ioredis';
import { keyspaceOf } from '../domain/keyspace.ts';
import type { Plan } from '../domain/plan.ts';
import { shardsOfPlan } from '../domain/shard.ts';
import { tagged } from '../domain/slot.ts';
import { type AuthorityRecord, writeAuthority } from './authority.ts';
import { nodesOf, RoutedRedis } from './cluster/routed-redis.ts';
import { loadScripts } from './scripts/index.ts';
import { tagsTold } from './sync/lease.ts';

/**
 * Raises what the nodes of a cluster compare a write with to the record that decides: under the tag of every node, and
 * under each tag that an attempt has made known and may still compare with. Before anybody is let in: else what a sync
 * has decided under the old epoch could land beside their writes (L1). One server compares with the record itself.
 */
export async function raiseCopies(redis: Redis, plan: Plan, record: AuthorityRecord): Promise<void> {
  if (!(redis instanceof RoutedRedis)) return;
  const keyspace = keyspaceOf(plan.migration);
  const tags = new Set(nodesOf(redis).map(({ tag }) => tag));
  for (const { name } of shardsOfPlan(plan))
    for (const tag of await tagsTold(redis, keyspace, name)) tags.add(tag);
  const run = await loadScripts(redis);
  for (const tag of tags) await writeAuthority(run, record, tagged(keyspace.authority(), tag));
}
