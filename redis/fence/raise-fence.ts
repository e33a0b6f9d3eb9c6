import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { assertUnchanged } from '../client/topology.ts';
import { nodesOf } from '../client/cluster-client.ts';
import { onRuledServers, type RuledServer } from '../client/acl-nodes.ts';
import type { OpenStore } from '../client/stores.ts';
import { keyWithin, readRule, type AclRule, sameRule, withoutCommands } from './acl-rule.ts';
import { type Denied, askWhatIsOpen, givenForOneArgument, deniedOn } from './denied-commands.ts';
import { eachClient } from '../client/client-list.ts';
import { type FenceRecord, type FencePlaces, readRecord, writeRecord } from './fence-records.ts';
import { playFence, problemOf } from './play-fence.ts';
import { saveRules } from './saved-rules.ts';

/**
 * The user's rule is neither the one from before the fence nor the one that our fence left, and it lets the user write
 * nothing. Another person has changed it.
 */
export class FenceChanged extends Error {
  override readonly name = 'FenceChanged';
  constructor(store: string, user: string) {
    super(
      `the rule of app user ${user} of ${store} was changed while it was fenced, and lets it write nothing: it was left as it stands. Give the user its rights yourself (ACL SETUSER, see docs/by-hand.md), then go on`,
    );
  }
}

/**
 * The user cannot be fenced: it does not exist on a server, or no fence can close its rule. The other users can be
 * fenced.
 */
export class UserNotFenced extends Error {
  override readonly name = 'UserNotFenced';
}

/** The result of raising a fence. */
export type Raised = {
  /** True if any user could write before. */
  readonly closed: boolean;
  /** Sentences for the operator. */
  readonly notes: readonly string[];
  /** Errors of the users that were left as they were, one for each user and server. */
  readonly failures: readonly unknown[];
};

/**
 * Raises the durable fence: the app users lose every command by which a key can change, at once and on open connections
 * too. Before that, two rules of each user are written down on the store itself and on the other side: the rule as it
 * is, and the rule that the fence will leave. So the way back exists before the fence. Both rules are known in advance,
 * because the fence is first played on a user of ours. A fence that could not be lowered exactly is not raised.
 *
 * A short pause of writes (CLIENT PAUSE) around the change closes several users, and the nodes of a cluster, at the
 * same moment. On a server that other stores share, the pause would block our own drain. There the rules alone must be
 * enough. If the plan names no app users, the pause stays and is the whole fence.
 *
 * Each server has rules of its own. A repeated call raises the fence where it does not stand: on a node where an
 * attempt was interrupted, that forgot the fence, or that has taken over. If one user fails, the others are fenced all
 * the same.
 *
 * @param pauseMs longest pause, ms; `null` = no pause
 * @param keeper the store that holds the copies of the records, see `keeperOf`
 * @returns sentences for the operator
 * @throws ClusterChanged a node serves now that did not serve at the beginning: try again on the new map
 * @throws UserNotFenced, FenceChanged, or the first other error of a user
 */
export async function raiseFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  pauseMs: number | null,
  keeper: Redis,
): Promise<readonly string[]> {
  const { notes, failures } = await raiseWhereItCan({ store, redis }, keyspace, pauseMs, keeper);
  if (failures.length > 0) throw failures[0];
  await assertUnchanged(redis);
  return notes;
}

/**
 * Works like `raiseFence`, but returns the errors of single users instead of throwing them. All other users are fenced,
 * and their rules are saved.
 */
export async function raiseWhereItCan(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  pauseMs: number | null,
  keeper: Redis,
): Promise<Raised> {
  const kept: FencePlaces = { store, redis, keyspace, keeper };
  return onRuledServers(redis, async (servers) => {
    const prepared = await Promise.allSettled(
      servers.flatMap((server) => store.appUsers.map((user) => prepare(kept, server, user))),
    );
    const raisings = prepared.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (pauseMs !== null) await onMasters(redis, 'PAUSE', String(pauseMs), 'WRITE');
    await Promise.all(raisings.map(takeCommands));
    if (pauseMs !== null && store.appUsers.length > 0) await onMasters(redis, 'UNPAUSE');
    for (const server of servers) await unblock(server, store.appUsers);
    // Do this even if another user failed. A user whose rules are never saved would be raised again by every check.
    const unsaved = await saveRaised(kept, servers, raisings);
    return {
      closed: raisings.some(({ wasOpen }) => wasOpen),
      notes: [...raisings.flatMap(({ notes }) => notes), ...unsaved],
      failures: prepared.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : [])),
    };
  });
}

type Raising = {
  readonly server: RuledServer;
  readonly user: string;
  readonly record: FenceRecord;
  /** Words for ACL SETUSER; none = the fence stands already. */
  readonly words: AclRule;
  readonly wasOpen: boolean;
  readonly notes: readonly string[];
};

async function prepare(kept: FencePlaces, server: RuledServer, user: string): Promise<Raising> {
  const { store, keyspace } = kept;
  const [standing, known, denied] = [
    await readRule(server.redis, user),
    await readRecord(kept, user, server.id),
    await deniedOn(server.redis),
  ];
  if (!standing)
    throw new UserNotFenced(`app user ${user} of the plan does not exist on a server of ${store.name}`);
  const open = await openCommand(server, user, standing, keyspace, denied);
  if (known && open === null && sameRule(standing, known.left)) {
    // Write the record again, because it may be marked as `lowering`, or only the copy on the other side may be left.
    const record = { ...known, lowering: false };
    await writeRecord(kept, user, server.id, record);
    return { server, user, record, words: [], wasOpen: false, notes: [] };
  }
  const ours = known !== null && (sameRule(standing, known.before) || sameRule(standing, known.left));
  if (known && !ours && open === null) throw new FenceChanged(store.name, user);
  const before = ours ? known.before : standing;
  const played = await playFence(server.redis, keyspace, user, before, denied);
  // A user who was fenced before is fenced again in any case. If it could write on both sides, that would be worse.
  const problem = problemOf(played);
  if (problem !== null && !known) throw new UserNotFenced(`app user ${user} of ${store.name}: ${problem}`);
  const record: FenceRecord = { saved: false, lowering: false, before, left: played.left };
  await writeRecord(kept, user, server.id, record);
  const changed = `the rule of app user ${user} of ${store.name} is not the one of an earlier fence: it is the new one that comes back`;
  return {
    server,
    user,
    record,
    words: withoutCommands(before, denied.words),
    wasOpen: open !== null,
    notes: known && !ours ? [changed] : [],
  };
}

/** Returns a command by which the user can change a key; `null` = every such command is denied. */
export async function openCommand(
  { redis }: RuledServer,
  user: string,
  rule: AclRule,
  keyspace: Keyspace,
  denied: Denied,
): Promise<string | null> {
  return (
    givenForOneArgument(rule, denied) ??
    askWhatIsOpen(redis, user, keyWithin(rule, keyspace.probe('fence')), denied)
  );
}

async function takeCommands({ server, user, words }: Raising): Promise<void> {
  if (words.length > 0) await server.redis.call('ACL', ['SETUSER', user, ...words]);
}

/**
 * Saves the rules, and marks the records as saved. A fence that cannot be saved stands all the same: the fence keeper
 * watches it, and tries to save it with each check.
 *
 * @returns sentences for the operator
 */
async function saveRaised(
  kept: FencePlaces,
  servers: readonly RuledServer[],
  raisings: readonly Raising[],
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const server of servers) {
    const fresh = raisings.filter((one) => one.server === server && !one.record.saved);
    if (fresh.length === 0) continue;
    try {
      await saveRules(kept.store.name, server.redis);
    } catch (error) {
      if (!kept.store.fenceMayForget) {
        notes.push(error instanceof Error ? error.message : 'the rules were not saved');
        continue;
      }
    }
    for (const { user, record } of fresh)
      await writeRecord(kept, user, server.id, { ...record, saved: true });
  }
  return notes;
}

const BLOCKING = /^(b[lrz](pop|mpop|move)|xread)/;

/**
 * Ends the waiting of app clients in BLPOP and the like. The server checked the rule of such a client before the fence.
 * When the sync replicates a push of the other side, Redis 7.0 serves the client without checking its rule again. The
 * client would take an element that belongs to an app of the side that serves.
 *
 * The caller must lift the pause first. A command that a pause holds back appears to be waiting too, and would get two
 * answers.
 */
async function unblock({ redis }: RuledServer, users: readonly string[]): Promise<void> {
  if (users.length === 0 || /^blocked_clients:0\r?$/m.test(await redis.info('clients'))) return;
  for (const { id, user, command } of await eachClient(redis))
    if (BLOCKING.test(command) && users.includes(user)) await redis.call('CLIENT', ['UNBLOCK', id, 'ERROR']);
}

/**
 * Sends a CLIENT command (PAUSE or UNPAUSE) to every master. A pause applies to one server only, and only a master has
 * writes to hold back.
 */
export async function onMasters(redis: Redis, ...words: readonly string[]): Promise<void> {
  await Promise.all(nodesOf(redis).map((node) => node.redis.call('CLIENT', [...words])));
}
