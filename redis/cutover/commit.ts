import { type FencingToken, tokenText } from '../../domain/authority/fencing-token.ts';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import type { Side } from '../../domain/plan/plan.ts';
import { tagged } from '../../domain/keys/slot.ts';
import { assertUnchanged, isRedirection, runIdsOf } from '../client/topology.ts';
import { type ClusterNode, nodesOf } from '../client/cluster-client.ts';
import { assertStillNamed } from '../client/sentinel.ts';
import type { OpenStore, Stores } from '../client/stores.ts';
import { fenceIsProven } from '../fence/fence-proof.ts';
import { copyStoreOf } from '../fence/fence-records.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { FAILURES } from '../../domain/run/failure.ts';
import type { AuthorityRecord } from '../../domain/authority/authority-record.ts';
import { readAuthority, writeAuthority } from '../state/authority.ts';
import { LineSilent, REPLY_MS } from '../client/data-link.ts';
import type { RunScript } from '../scripts/runner.ts';

/**
 * Writes the token of this switch on every server, before the fence. A flush, a swap of databases, or a restart with
 * older data removes the token, and `assertPreconditionsHold` then sees that the server has lost data.
 */
export async function markServers(stores: Stores, keyspace: Keyspace, token: FencingToken): Promise<void> {
  const nodes = stores.all.flatMap(({ redis }) => nodesOf(redis));
  const text = tokenText(token);
  await Promise.all(nodes.map(({ redis, tag }) => redis.set(tagged(keyspace.switchMark(), tag), text)));
}

/**
 * Checks right before the flip that every server is still as it was when it was fenced, drained and verified. A server
 * that restarts may forget its fence. It then accepts writes that were not drained, and it may hold less data than
 * before. A flip would lose these writes, and the missing keys could be deleted on the other side too.
 *
 * Our connections never reconnect, so a connection that answers has seen no restart of its server. A master that was
 * demoted still answers, and so does a server that was flushed. Therefore the function also checks role and token.
 *
 * @param from the side that serves until the flip
 * @param token token of this attempt
 * @throws Error a server is no master any more, has lost data, or its fence does not stand
 * @throws ClusterChanged, MasterChanged, StoreUnreachable, or the error of a closed connection
 */
export async function assertPreconditionsHold(
  stores: Stores,
  keyspace: Keyspace,
  from: Side,
  token: FencingToken,
): Promise<void> {
  await Promise.all(
    stores.all.map(async (one) => {
      const { name, side, appUsers } = one.store;
      const fenced = side === from && appUsers.length > 0;
      const [stands] = await Promise.all([
        fenced ? fenceIsProven(one, keyspace, copyStoreOf(stores, one)) : true,
        assertUnchanged(one.redis),
        assertStillNamed(one.redis),
        ...nodesOf(one.redis).map((node) => assertWhole(name, node, keyspace.switchMark(), token)),
      ]);
      if (!stands) throw new Error(`the fence of ${name} does not stand any more`);
    }),
  );
}

async function assertWhole(store: string, { redis, tag }: ClusterNode, mark: string, token: FencingToken) {
  const [[role], held] = await Promise.all([redis.role(), redis.get(tagged(mark, tag))]);
  if (role !== 'master') throw new Error(`a server of ${store} is no master any more`);
  if (held !== tokenText(token)) throw new Error(`a server of ${store} has lost data since the switch began`);
}

/** Pause between two reads of the record, ms. */
const AGAIN_MS = 50;

/** The flip was sent, and its result is unknown. An operator must look. The workflow never retries this. */
export class OwnershipUncertain extends Error {
  override readonly name = FAILURES.OwnershipUncertain;
}

/**
 * Moves the authority by writing V2's record. This write is the commit point of a switch. If its answer is lost, the
 * function reads the record back. It never guesses, because after a wrong guess the worker would open the wrong side.
 *
 * @param run scripts on V2, already loaded
 * @throws OwnershipUncertain the record could not be read back
 * @throws Error the flip did not happen
 */
export async function flip(target: Redis, run: RunScript, record: AuthorityRecord): Promise<void> {
  try {
    if (!(await writeAuthority(run, record))) throw new Error('a later epoch stands on the target');
  } catch (error) {
    // The server has refused the write with a redirection, so the write cannot arrive later.
    if (isRedirection(error)) throw error;
    const now = await readBackRecord(target);
    if (now === undefined)
      throw new OwnershipUncertain(`the flip to ${record.side} was sent and not answered`, { cause: error });
    if (now?.side !== record.side) throw error;
  }
}

/**
 * Reads V2's record on the connection that sent the flip. A server answers in order, so this answer already includes
 * the flip. `undefined` = the connection is closed, or no answer came for as long as one could still come.
 */
async function readBackRecord(target: Redis): Promise<AuthorityRecord | null | undefined> {
  const untilMs = performance.now() + REPLY_MS;
  for (;;) {
    try {
      return await readAuthority(target);
    } catch (error) {
      const closed =
        error instanceof LineSilent || (error instanceof Error && /Connection is closed/.test(error.message));
      if (closed || performance.now() > untilMs) return undefined;
    }
    await delay(AGAIN_MS);
  }
}

/**
 * Returns true if another store of the plan is on one of the same servers. There a pause of writes would also block our
 * own work.
 */
export async function serversShared(one: OpenStore, stores: Stores): Promise<boolean> {
  const mine = await runIdsOf(one.redis);
  for (const other of stores.all) {
    if (other.store.name === one.store.name) continue;
    if ((await runIdsOf(other.redis)).some((id) => mine.includes(id))) return true;
  }
  return false;
}
