import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import { assertUnchanged } from '../cluster/cluster-changed.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import { onRuledServers, type RuledServer } from '../cluster/ruled-servers.ts';
import type { OpenStore } from '../stores.ts';
import { eachClient } from './each-client.ts';
import { rightsOf, ruleLineOf } from './acl-rule.ts';
import { copyOf, type Kept, recordOf } from './fence-records.ts';

/**
 * The durable fence: the apps' users lose every write command, at once and on open connections too. The rule as it
 * was is kept verbatim on the store itself, before the fence is raised (L9), and never leaves it: it holds hashes
 * of passwords (L12). Its rights alone are kept on the other side too, for a server that loses what it holds.
 *
 * A short pause of writes around it makes several users, and the nodes of a cluster, one instant. On a server that
 * other stores share it would block our own drain: there the rules alone must do.
 *
 * Each server has rules of its own. Raised again it is raised where it does not stand: on a node that was half done, that
 * forgot, or that has taken over (L8).
 *
 * @throws ClusterChanged a node serves now that was not there when this began: try again on the new map
 */
export async function raiseFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  pauseMs: number | null,
  keeper: Redis,
): Promise<void> {
  const kept: Kept = { store, redis, keyspace, keeper };
  await onRuledServers(redis, async (servers) => {
    for (const server of servers) for (const user of store.appUsers) await keepRule(kept, server, user);
    if (pauseMs !== null) await onMasters(redis, 'PAUSE', String(pauseMs), 'WRITE');
    await Promise.all(servers.map((server) => takeWrites(server, store.appUsers)));
    if (pauseMs !== null && store.appUsers.length > 0) await onMasters(redis, 'UNPAUSE');
    for (const server of servers) await unblock(server, store.appUsers);
  });
  await assertUnchanged(redis);
}

async function keepRule(kept: Kept, server: RuledServer, user: string): Promise<void> {
  const lines = (await server.redis.call('ACL', ['LIST'])) as string[];
  const line = ruleLineOf(lines, user);
  if (!line) throw new Error(`store ${kept.store.name}: app user of the plan does not exist`);
  const copy = copyOf(kept, user, server.id);
  // One that is fenced already, by a rule that outlived our record, has its rights in the copy.
  await kept.redis.set(recordOf(kept, user, server.id), (await copy.read()) ?? line, 'NX');
  await copy.write(withoutSecrets(user, line));
}

const BLOCKING = /^(b[lrz](pop|mpop|move)|xread)/;

async function takeWrites({ redis }: RuledServer, users: readonly string[]): Promise<void> {
  for (const user of users) await redis.call('ACL', ['SETUSER', user, '-@write', 'clearselectors']);
}

/**
 * A client that waits in BLPOP or the like passed its rule before the fence. Redis 7.0 serves it without asking again when
 * the other side's push arrives here: it would take an element that was given to somebody else. Not under a pause: what
 * that holds back looks the same, and would be answered twice.
 */
async function unblock({ redis }: RuledServer, users: readonly string[]): Promise<void> {
  if (users.length === 0 || /^blocked_clients:0\r?$/m.test(await redis.info('clients'))) return;
  for (const { id, user, command } of await eachClient(redis))
    if (BLOCKING.test(command) && users.includes(user)) await redis.call('CLIENT', ['UNBLOCK', id, 'ERROR']);
}

/**
 * Puts every rule back to the letter and lifts a pause. Harmless where no fence stands. One user or server that fails
 * does not keep the others shut: the other side, which holds the copies, may be gone. What is kept for a replica that
 * cannot be reached stays.
 *
 * @throws ClusterChanged, and what the first that failed threw: try again
 */
export async function lowerFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  keeper: Redis,
): Promise<void> {
  const kept: Kept = { store, redis, keyspace, keeper };
  // The pause first: under it our own DEL would wait.
  const unpaused = await Promise.allSettled(
    nodesOf(redis).map((node) => node.redis.call('CLIENT', ['UNPAUSE'])),
  );
  await onRuledServers(redis, async (servers) => {
    const done = await Promise.allSettled(
      servers.flatMap((server) => store.appUsers.map((user) => giveBack(kept, server, user))),
    );
    for (const one of [...unpaused, ...done]) if (one.status === 'rejected') throw one.reason;
  });
  await assertUnchanged(redis);
}

async function giveBack(kept: Kept, server: RuledServer, user: string): Promise<void> {
  const [record, copy] = [recordOf(kept, user, server.id), copyOf(kept, user, server.id)];
  const line = await firstOf([() => kept.redis.get(record), copy.read]);
  if (line === null) return;
  await server.redis.call('ACL', ['SETUSER', user, ...rightsOf(line)]);
  await kept.redis.del(record);
  await copy.drop();
}

/** The record may stand on the node that is gone, the copy on the side that is: only with neither nothing is known. */
async function firstOf(reads: readonly (() => Promise<string | null>)[]): Promise<string | null> {
  let failure: unknown;
  for (const read of reads) {
    try {
      const line = await read();
      if (line !== null) return line;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return null;
}

/** A pause is one server's, and only a master has writes to hold back. */
export async function onMasters(redis: Redis, ...words: readonly string[]): Promise<void> {
  await Promise.all(nodesOf(redis).map((node) => node.redis.call('CLIENT', [...words])));
}

const DENIED = [['SET', 'v'], ['DEL'], ['HSET', 'f', 'v'], ['PEXPIRE', '1000']] as const;

/** Asks every master itself whether the users can still write (L7: an answer other than "denied" is no proof). */
export async function fenceIsProven({ store, redis }: OpenStore, key: string): Promise<boolean> {
  if (store.appUsers.length === 0) return false;
  const proofs = nodesOf(redis).map((node) => deniedOn(node.redis, store.appUsers, key));
  return (await Promise.all(proofs)).every((proven) => proven);
}

/** All asked at once: apps wait for the answer. */
async function deniedOn(redis: Redis, users: readonly string[], key: string): Promise<boolean> {
  const answers = await Promise.all(
    users.flatMap((user) =>
      DENIED.map(([command, ...rest]) => redis.call('ACL', ['DRYRUN', user, command, key, ...rest])),
    ),
  );
  return answers.every((answer) => /no permissions/i.test(String(answer)));
}

/** Whether a fence of ours stands for any app user of the store, on any of its servers. */
export async function isFenced(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  keeper: Redis,
): Promise<boolean> {
  const kept: Kept = { store, redis, keyspace, keeper };
  for (const { id } of nodesOf(redis))
    for (const user of store.appUsers) if ((await redis.exists(recordOf(kept, user, id))) > 0) return true;
  const copies = await keeper.hkeys(keyspace.fenced());
  return store.appUsers.some((user) => copies.some((field) => copyOf(kept, user, '').isAmong(field)));
}

/** In the form of a rule line, so that it is read like one. */
function withoutSecrets(user: string, line: string): string {
  return `user ${user} ${rightsOf(line).join(' ')}`;
}
