import type { Redis } from 'ioredis';
import { FAILURES } from '../../domain/run/failure.ts';
import {
  type FencingToken,
  GREATEST_NUMBER,
  isAfter,
  readToken,
  tokenText,
} from '../../domain/authority/fencing-token.ts';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { onRuledServers } from '../client/acl-nodes.ts';
import { loadScripts } from '../scripts/runner.ts';
import type { Stores } from '../client/stores.ts';
import { eachClient } from '../client/client-list.ts';
import { setTimeout as delay } from 'node:timers/promises';

/** A later attempt holds the switch lease. This attempt must not change anything more. */
class SwitchLeaseLost extends Error {
  override readonly name = FAILURES.SwitchLeaseLost;
  constructor() {
    super('a later attempt holds the fences: this one is over');
  }
}

/**
 * Returns the purpose of a connection that raises, lowers or keeps fences. The purpose is part of the connection's
 * name, so that a later attempt can find the connection and close it.
 *
 * @param holder token of the attempt; `watch` = a fence keeper
 */
export function fencingPurpose(migration: string, holder: FencingToken | 'watch'): string {
  return `${familyOf(migration)}${holder === 'watch' ? holder : tokenText(holder)}`;
}

function familyOf(migration: string): string {
  return `fencing:${migration}:`;
}

/**
 * Makes this attempt the only one that can raise or lower a fence or move the authority. A stale attempt must not
 * change them any more.
 *
 * Redis cannot set a user's rule under a condition, so comparing a lease before each ACL SETUSER is not enough. An
 * attempt that was stopped after the comparison would still set the rule when it goes on. Therefore this function also
 * closes the connections of all other attempts, on every server. Our connections never reconnect, so those attempts can
 * send nothing more. An attempt that goes on later and has not opened a connection yet calls this function itself. It
 * is refused because its token is smaller. The caller must have opened the stores with `fencingPurpose`; otherwise a
 * later attempt could not find the connections.
 *
 * The lease on V2 decides. The script compares and writes it in one atomic step. V2 may have lost it, so the function
 * also reads the copies on the other stores. It does not write these copies: the side may be paused, the write would
 * wait for the end of the pause, and it may be this attempt that has to lift the pause.
 *
 * @param token greater than those of all earlier attempts and steps
 * @throws SwitchLeaseLost nothing was changed
 */
export async function takeSwitchLease(stores: Stores, migration: string, token: FencingToken): Promise<void> {
  const lease = keyspaceOf(migration).switchLease();
  const copies = await Promise.all(stores.of('source').map(({ redis }) => redis.get(lease)));
  if (copies.some((copy) => !isAfter(token, readToken(copy)))) throw new SwitchLeaseLost();
  await raise(stores.target.redis, lease, token);
  for (const { redis } of stores.all)
    await onRuledServers(redis, async (servers) => {
      await Promise.all(servers.map((server) => endOthers(server.redis, migration, token)));
    });
}

/**
 * Copies the lease to the other stores, in case V2 loses it. The caller may do this only while their writes are not
 * paused: before it raises a fence, or after it has lowered one. Under a pause the write would wait.
 *
 * @throws SwitchLeaseLost a store already holds this token or a greater one
 */
export async function copySwitchLease(stores: Stores, migration: string, token: FencingToken): Promise<void> {
  const lease = keyspaceOf(migration).switchLease();
  await Promise.all(stores.of('source').map(({ redis }) => raise(redis, lease, token)));
}

async function raise(redis: Redis, lease: string, token: FencingToken): Promise<void> {
  const run = await loadScripts(redis);
  if (Number(await run('raiseLease', [lease], [tokenText(token)])) !== 1) throw new SwitchLeaseLost();
}

async function endOthers(redis: Redis, migration: string, token: FencingToken): Promise<void> {
  const mine = `jday:${fencingPurpose(migration, token)}`;
  const family = `jday:${familyOf(migration)}`;
  await endWhose(redis, (name) => name.startsWith(family) && name !== mine);
}

/**
 * Closes the connections of all fence keepers on one server. Each keeper then opens new connections and reads again
 * which side serves. It never acts on what it read before.
 */
export async function closeKeeperConnections(redis: Redis, { migration }: Keyspace): Promise<void> {
  const watcher = `jday:${fencingPurpose(migration, 'watch')}`;
  await endWhose(redis, (name) => name === watcher);
}

/**
 * Closes the connections whose names `ends` selects. If a connection closes by itself in the meantime, CLIENT KILL
 * answers 0, and that is no error.
 */
async function endWhose(redis: Redis, ends: (name: string) => boolean): Promise<void> {
  for (const { id, name } of await eachClient(redis))
    if (ends(name)) await redis.call('CLIENT', ['KILL', 'ID', id]);
}

/**
 * Most rounds of one request. In each round at least one caller gets a number, and there are never this many callers at
 * once.
 */
const ROUNDS = 50;
/**
 * Longest pause between two rounds, ms. The pause is random, so that callers who asked at the same moment do not
 * collide again.
 */
const PAUSE_MS = 50;
const EXHAUSTED =
  'a store holds the greatest fencing number that there is, which is none of ours: ' +
  'see "A fencing number that is too great" in docs/by-hand.md';

/** No fencing number was given out. Nothing was changed. */
class NumberRefused extends Error {
  override readonly name = 'NumberRefused';
}

/**
 * Returns the next fencing number. Fencing numbers order the steps that touch fences: the stores refuse a step with a
 * smaller number. The new number is greater than every number that a store holds, as a lease or as the last one given
 * out. A caller that asks twice gets two numbers and leaves one unused, which does no harm.
 *
 * The function takes no lease. A request may be stopped and go on later, when the workflow has already asked again and
 * runs the step with the newer number. If the old request took the lease then, it would end that step.
 *
 * The function writes the number on V2 only. It may be called to take back a switch that has paused V1, and a write on
 * V1 would wait for the end of the pause. If V2 loses the number, the copies of the lease on V1 and Nexten, and
 * `after`, keep the order.
 *
 * @param after the last number that the caller was given; 0 = none yet
 * @throws NumberRefused
 */
export async function nextFencingNumber(stores: Stores, migration: string, after: number): Promise<number> {
  const keyspace = keyspaceOf(migration);
  const run = await loadScripts(stores.target.redis);
  for (let round = 1; round <= ROUNDS; round++) {
    const held = await Promise.all(
      stores.all.flatMap(({ redis }) => [
        redis.get(keyspace.switchLease()),
        redis.get(keyspace.fencingNumber()),
      ]),
    );
    const number = Math.max(after, ...held.map((text) => readToken(text).number)) + 1;
    if (number > GREATEST_NUMBER) throw new NumberRefused(EXHAUSTED);
    if (Number(await run('raiseLease', [keyspace.fencingNumber()], [String(number)])) === 1) return number;
    // Another caller has taken this number at the same moment.
    await delay(Math.random() * PAUSE_MS);
  }
  throw new NumberRefused(
    `the target gave no fencing number in ${ROUNDS} rounds: others ask for it all the time`,
  );
}
