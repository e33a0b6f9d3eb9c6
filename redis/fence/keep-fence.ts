import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { otherSide, type Plan, type Side } from '../../domain/plan/plan.ts';
import { assertUnchanged } from '../client/topology.ts';
import { nodesOf } from '../client/cluster-client.ts';
import type { OpenStore, Stores } from '../client/stores.ts';
import { FenceChanged, raiseWhereItCan, UserNotFenced } from './raise-fence.ts';
import { type FenceSeen, isKept, readFence } from './fence-proof.ts';
import { isFenced, copyStoreOf, type FencePlaces } from './fence-records.ts';
import { isDemoted } from './who-writes.ts';
import type { Redis } from 'ioredis';
import { onServersBeside } from '../client/acl-nodes.ts';

/** The repair that one check made to the fence of one store. */
export type Renewal = {
  readonly store: string;
  /**
   * An app user could write there, on a master or on a server beside it, and the fence was raised again. False = the
   * check only renewed the record or saved the rules.
   */
  readonly raised: boolean;
  /** Sentences for the operator. */
  readonly notes: readonly string[];
};

/**
 * Checks the fence on the side without authority, and raises it again where it has fallen. That side stays fenced after
 * a switch; otherwise both sides could be written. A server that restarts may forget rules that were set at run time. A
 * server that comes back empty has also lost our record. So the fence is raised again if the record or its copy exists
 * and a user can write. This includes replicas, and a cluster node that has taken over, once a check has begun with the
 * map of slots that shows it.
 *
 * If another person has changed a user's rule and the user can write nothing, the function leaves the rule alone. The
 * operator decides about it when the fence is lowered. The notes name a user who does not exist any more, and a user
 * that no fence can close.
 *
 * @returns the stores for which there was something to do
 * @throws ClusterChanged
 */
export async function keepFence(plan: Plan, stores: Stores, authority: Side): Promise<readonly Renewal[]> {
  const done: Renewal[] = [];
  for (const one of stores.of(otherSide(authority))) done.push(...(await keepOne(plan, stores, one)));
  return done;
}

async function keepOne(plan: Plan, stores: Stores, one: OpenStore): Promise<readonly Renewal[]> {
  const kept: FencePlaces = {
    ...one,
    keyspace: keyspaceOf(plan.migration),
    keeper: copyStoreOf(stores, one),
  };
  await assertUnchanged(one.redis);
  // A demoted server accepts no write, not even ours. The gate `masters` reports it.
  if (await isDemoted(one.redis)) return [];
  if (!(await isFenced(kept))) return [];
  const masters = await readFence(kept, nodesOf(one.redis));
  const looks = isKept(masters) ? await lookBeside(kept) : masters;
  if (isKept(looks)) return [];
  const { closed, notes, failures } = await raiseWhereItCan(one, kept.keyspace, null, kept.keeper);
  // A user who cannot be fenced must not fail the check. Otherwise every check would fail, and the other users would
  // not be watched.
  const other = failures.find((error) => !(error instanceof UserNotFenced || error instanceof FenceChanged));
  if (other !== undefined) throw other;
  await assertUnchanged(one.redis);
  const left = failures.flatMap((error) => (error instanceof UserNotFenced ? [error.message] : []));
  return [{ store: one.store.name, raised: closed, notes: [...notes, ...left] }];
}

/**
 * Shortest time between two checks of the servers beside the masters, ms. Each check opens a connection to every one of
 * them.
 */
const LOOK_MS = 1_000;

const lookedAt = new WeakMap<Redis, number>();

/**
 * Reads the fence on every server that could be promoted. A replica that restarted has forgotten it, and a replica that
 * was added never had it. The function asks once a second at most. In between it returns an empty list, which counts as
 * kept: the last answer was that the fence is kept, because after any other answer the fence is raised. A server that
 * cannot be reached gives no answer; the preflight is red for it.
 */
async function lookBeside(kept: FencePlaces): Promise<readonly FenceSeen[]> {
  const { redis } = kept;
  if (performance.now() - (lookedAt.get(redis) ?? -Infinity) < LOOK_MS) return [];
  const looks = await onServersBeside(redis, ({ reached }) => readFence(kept, reached));
  if (isKept(looks)) lookedAt.set(redis, performance.now());
  return looks;
}
