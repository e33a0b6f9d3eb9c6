import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { assertUnchanged } from '../client/topology.ts';
import { nodesOf } from '../client/cluster-client.ts';
import { onRuledServers, type RuledServer } from '../client/acl-nodes.ts';
import type { OpenStore } from '../client/stores.ts';
import { commandsOf, readRule, sameRule } from './acl-rule.ts';
import { deniedOn } from './denied-commands.ts';
import { FenceChanged, openCommand } from './raise-fence.ts';
import { dropRecord, type FenceRecord, type FencePlaces, readRecord, writeRecord } from './fence-records.ts';
import { saveRules } from './saved-rules.ts';
import { closeKeeperConnections } from '../state/fencing-token.ts';

/**
 * Gives the app users of a store exactly the rules from before the fence, and lifts a pause. Has no effect where no
 * fence stands. If another person has changed a rule since the fence, that rule stays, and a note says so. If one user
 * or one server fails, the others are opened all the same, because the other side, which holds the copies of the
 * records, may be gone. The record of a replica that cannot be reached stays.
 *
 * @returns sentences for the operator
 * @throws ClusterChanged, FenceChanged, RulesNotSaved, or the first other error: try again
 */
export async function lowerFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  keeper: Redis,
): Promise<readonly string[]> {
  const kept: FencePlaces = { store, redis, keyspace, keeper };
  // Lift the pause first. Under it our own DEL would wait.
  const unpaused = await Promise.allSettled(
    nodesOf(redis).map((node) => node.redis.call('CLIENT', ['UNPAUSE'])),
  );
  const notes = await onRuledServers(redis, async (servers) => {
    const marked = await Promise.allSettled(servers.map((server) => markLowering(kept, server)));
    const fenced = marked.some((one) => one.status === 'rejected' || one.value);
    const ended = fenced ? await endAllWatchers(kept, servers) : [];
    const done = await Promise.allSettled(
      servers.map(async (server, i) => {
        const heard = ended[i];
        if (heard?.status === 'rejected') throw heard.reason;
        return openServer(kept, server);
      }),
    );
    for (const one of [...unpaused, ...marked, ...done]) if (one.status === 'rejected') throw one.reason;
    return done.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  });
  await assertUnchanged(redis);
  return notes;
}

/**
 * Closes the connections of all fence keepers. A keeper that has read a record before it was marked as `lowering` could
 * raise the fence again after we lower it, or leave a copy of the record.
 *
 * The order matters: first the store with the copies and the masters, then the other servers. A keeper writes the
 * record on a master before it sets a rule on any server. If it has not done so when we close its connection to that
 * master, it can never set the rule. If it has done so, all connections on which it will set rules are open already,
 * and we find and close them.
 *
 * @returns one result for each server; a fulfilled one means that no keeper can send anything there any more
 */
async function endAllWatchers(
  { redis, keeper, keyspace }: FencePlaces,
  servers: readonly RuledServer[],
): Promise<readonly PromiseSettledResult<void>[]> {
  const end = (all: readonly RuledServer[]) =>
    Promise.allSettled(all.map((one) => closeKeeperConnections(one.redis, keyspace)));
  const masters = nodesOf(redis).length;
  // A failure here does not count: if that side is gone, connections to it can send nothing.
  await end(nodesOf(keeper));
  const first = await end(servers.slice(0, masters));
  return [...first, ...(await end(servers.slice(masters)))];
}

/** Marks the records of one server as `lowering`. Returns true if any user is fenced there. */
async function markLowering(kept: FencePlaces, { id }: RuledServer): Promise<boolean> {
  const marked = await Promise.all(
    kept.store.appUsers.map(async (user) => {
      const record = await readRecord(kept, user, id);
      if (record) await writeRecord(kept, user, id, { ...record, lowering: true });
      return record !== null;
    }),
  );
  return marked.some(Boolean);
}

type Opened = { readonly user: string; readonly record: FenceRecord; readonly note: string | null };

async function openServer(kept: FencePlaces, server: RuledServer): Promise<readonly string[]> {
  const { store } = kept;
  const given = await Promise.allSettled(store.appUsers.map((user) => giveBack(kept, server, user)));
  const opened = given.flatMap((one) => (one.status === 'fulfilled' && one.value ? [one.value] : []));
  // Save the rules again. A file that still contains the fence would lock the apps out at the next restart.
  if (opened.length > 0)
    await saveRules(store.name, server.redis).catch((error: unknown) => {
      if (!store.fenceMayForget && opened.some(({ record }) => record.saved)) throw error;
    });
  for (const { user } of opened) await dropRecord(kept, user, server.id);
  for (const one of given) if (one.status === 'rejected') throw one.reason;
  return opened.flatMap(({ note }) => (note === null ? [] : [note]));
}

/**
 * Gives a user its old rights back, but only if it still has the rule that the fence left. If it has another rule, an
 * administrator may have reduced its rights on purpose.
 *
 * @returns `null` = there is no fence of ours for this user
 * @throws FenceChanged the user has another rule and can write nothing: an operator decides
 */
async function giveBack(kept: FencePlaces, server: RuledServer, user: string): Promise<Opened | null> {
  const record = await readRecord(kept, user, server.id);
  if (record === null) return null;
  const told = (what: string) => ({
    user,
    record,
    note: `app user ${user} of ${kept.store.name} ${what}`,
  });
  const standing = await readRule(server.redis, user);
  if (!standing) return told('does not exist any more: nothing was given back');
  if (sameRule(standing, record.before)) return { user, record, note: null };
  if (!sameRule(standing, record.left)) {
    const denied = await deniedOn(server.redis);
    if ((await openCommand(server, user, standing, kept.keyspace, denied)) === null)
      throw new FenceChanged(kept.store.name, user);
    return told('was given another rule while it was fenced: it was left as it stands');
  }
  await server.redis.call('ACL', ['SETUSER', user, ...commandsOf(record.before)]);
  const after = await readRule(server.redis, user);
  if (after && sameRule(after, record.before)) return { user, record, note: null };
  return told('can write again, but the server words its rule otherwise than before the fence: compare them');
}
