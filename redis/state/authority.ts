import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import {
  type AuthorityRecord,
  isKnown,
  type KnownRecord,
  movedSentence,
} from '../../domain/authority/authority-record.ts';
import { loadScripts, type RunScript } from '../scripts/runner.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../domain/keys/shard.ts';
import { tagged } from '../../domain/keys/slot.ts';
import { nodesOf, RoutedRedis } from '../client/cluster-client.ts';
import type { Stores } from '../client/stores.ts';
import { FAILURES } from '../../domain/run/failure.ts';

/**
 * Reads the authority record of one database. The record on V2 (the target) decides which side serves, and the other
 * stores follow it.
 *
 * @param key another key that holds such a record, for example the copy of a cluster node
 * @returns `null` if no valid record is there
 */
export async function readAuthority(redis: Redis, key = AUTHORITY_KEY): Promise<AuthorityRecord | null> {
  const { authority, epoch } = await redis.hgetall(key);
  if (authority !== 'source' && authority !== 'target') return null;
  return { side: authority, epoch: Number(epoch) };
}

/**
 * Writes the record if its epoch is greater than the stored one. The script compares and writes in one atomic step, so
 * a late writer changes nothing.
 *
 * @param run scripts of the server that holds `key`
 * @returns true if the record was written or was already there; false if the server holds a later epoch, or the same
 *   epoch with the other side
 */
export async function writeAuthority(
  run: RunScript,
  record: AuthorityRecord,
  key = AUTHORITY_KEY,
): Promise<boolean> {
  return Number(await run('setAuthority', [key], [record.side, String(record.epoch)])) === 1;
}

/**
 * Raises the copies of the authority record on the nodes of a cluster. Our write scripts run on one node and compare
 * with the copy on that node. The function raises the copy under the tag of every node, and under each tag that a sync
 * attempt has registered, because a late write of that attempt may still compare with it.
 *
 * The caller does this before it lets the apps of a side write. Otherwise a write that a sync decided under the old
 * epoch could still land next to the writes of these apps. A store of one server has no copies: its scripts compare
 * with `jday:authority` itself.
 */
export async function raiseCopies(redis: Redis, plan: Plan, record: AuthorityRecord): Promise<void> {
  const run = await loadScripts(redis);
  for (const key of await copiesOn(redis, plan)) await writeAuthority(run, record, key);
}

/** Returns the keys of these copies. A store of one server has none. */
async function copiesOn(redis: Redis, plan: Plan): Promise<readonly string[]> {
  if (!(redis instanceof RoutedRedis)) return [];
  const keyspace = keyspaceOf(plan.migration);
  const tags = new Set(nodesOf(redis).map(({ tag }) => tag));
  for (const { name } of shardsOfPlan(plan))
    for (const tag of await tagsTold(redis, keyspace, name)) tags.add(tag);
  return [...tags].map((tag) => tagged(keyspace.authority(), tag));
}

/** Returns the tags that the sync attempts of a shard have registered on a store. A store of one server has none. */
export async function tagsTold(redis: Redis, keyspace: Keyspace, shard: string): Promise<readonly string[]> {
  return redis instanceof RoutedRedis ? redis.smembers(keyspace.tags(shard)) : [];
}

/**
 * Restores the record that decides, the one on V2, and returns it. V2 may have lost its newest record, for example if it
 * restarted without its last second of data, or if a replica that was behind took over. A switch writes the record to V2
 * first and to the other stores after it. So if another store has a later epoch, V2 had that record before, and this
 * function writes it back to V2.
 *
 * The worker calls this before it opens a side. With an outdated record it would open the wrong side, and both sides
 * would accept writes.
 *
 * @returns `null` if no store has a record
 */
export async function restoreAuthority(stores: Stores, plan: Plan): Promise<AuthorityRecord | null> {
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

/**
 * Writes the deciding record to every store. A store that came back empty has no record, so its apps could not learn
 * which side serves. As long as syncs run, they restore the record themselves; this function is for the time after
 * them. It does not raise the copies on cluster nodes, because only the syncs compare with these.
 */
export async function raiseRecords(stores: Stores, plan: Plan): Promise<void> {
  const record = await restoreAuthority(stores, plan);
  if (record === null) return;
  for (const { redis } of stores.all) await writeAuthority(await loadScripts(redis), record);
}

/** The stores hold another authority record than the caller of this step knows, or none. The step was not done. */
export class AuthorityMoved extends Error {
  override readonly name = FAILURES.AuthorityMoved;
  constructor(said: AuthorityRecord | null, known: AuthorityRecord) {
    super(movedSentence(said, known));
  }
}

/**
 * Compares the deciding record with the record that the caller knows. Each step that opens, clears, settles, drops or
 * switches does this first. Otherwise, after Temporal was restored from an older copy, a workflow could act on an old
 * record: it could clear V2 although V2 serves by now.
 *
 * @param known `null` = the caller knows no record, and nothing is compared
 * @returns the deciding record; `null` if no store has one
 * @throws AuthorityMoved the two records differ
 */
export async function assertKnown(
  stores: Stores,
  plan: Plan,
  known: KnownRecord | null,
): Promise<AuthorityRecord | null> {
  const record = await restoreAuthority(stores, plan);
  if (known !== null && (record === null || !isKnown(record, known))) throw new AuthorityMoved(record, known);
  return record;
}
