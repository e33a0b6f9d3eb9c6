import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { Store } from '../../domain/plan.ts';
import type { OpenStore, Stores } from '../stores.ts';
import { rightsOf, ruleLineOf } from './acl-rule.ts';

/**
 * The durable fence: the apps' users lose every write command, at once and on open connections too. The rule as it
 * was is kept verbatim on the server itself, before the fence is raised (L9), and never leaves it: it holds hashes
 * of passwords (L12). Its rights alone are kept on the other side too, for a server that loses what it holds.
 *
 * A short pause of writes around it makes several users one instant. On a server that other stores share it would
 * block our own drain: there the rules alone must do.
 */
export async function raiseFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  pauseMs: number | null,
  keeper: Redis,
): Promise<void> {
  const lines = await aclLines(redis);
  for (const user of store.appUsers) {
    const line = ruleLineOf(lines, user);
    if (!line) throw new Error(`store ${store.name}: app user of the plan does not exist`);
    // One that is fenced already, by a rule that outlived our record, has its rights in the copy.
    const kept = await keeper.hget(keyspace.fenced(), fieldOf(store, user));
    await redis.set(keyspace.fence(user), kept ?? line, 'NX');
    await keeper.hsetnx(keyspace.fenced(), fieldOf(store, user), withoutSecrets(user, line));
  }
  if (pauseMs !== null) await redis.call('CLIENT', ['PAUSE', String(pauseMs), 'WRITE']);
  for (const user of store.appUsers) await redis.call('ACL', ['SETUSER', user, '-@write', 'clearselectors']);
  if (pauseMs !== null && store.appUsers.length > 0) await redis.call('CLIENT', ['UNPAUSE']);
}

/** Puts every rule back to the letter and lifts a pause. Harmless where no fence stands. */
export async function lowerFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  keeper: Redis,
): Promise<void> {
  // The pause first: under it our own DEL would wait.
  await redis.call('CLIENT', ['UNPAUSE']);
  for (const user of store.appUsers) {
    const copy = await keeper.hget(keyspace.fenced(), fieldOf(store, user));
    const line = (await redis.get(keyspace.fence(user))) ?? copy;
    if (line === null) continue;
    await redis.call('ACL', ['SETUSER', user, ...rightsOf(line)]);
    await redis.del(keyspace.fence(user));
    await keeper.hdel(keyspace.fenced(), fieldOf(store, user));
  }
}

const DENIED = [['SET', 'v'], ['DEL'], ['HSET', 'f', 'v'], ['PEXPIRE', '1000']] as const;

/** Asks the server itself whether the users can still write (L7: an answer other than "denied" is no proof). */
export async function fenceIsProven({ store, redis }: OpenStore, key: string): Promise<boolean> {
  if (store.appUsers.length === 0) return false;
  for (const user of store.appUsers) {
    for (const [command, ...rest] of DENIED) {
      const answer = String(await redis.call('ACL', ['DRYRUN', user, command, key, ...rest]));
      if (!/no permissions/i.test(answer)) return false;
    }
  }
  return true;
}

/** Whether a fence of ours stands for any app user of the store. */
export async function isFenced(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  keeper: Redis,
): Promise<boolean> {
  if (store.appUsers.length === 0) return false;
  if ((await redis.exists(...store.appUsers.map((user) => keyspace.fence(user)))) > 0) return true;
  const copies = await keeper.hmget(keyspace.fenced(), ...store.appUsers.map((user) => fieldOf(store, user)));
  return copies.some((copy) => copy !== null);
}

/** Where the copy for a store stands: on the other side, which no loss of this one reaches. */
export function keeperOf(stores: Stores, { store }: OpenStore): Redis {
  if (store.side === 'source') return stores.target.redis;
  const [source] = stores.of('source');
  if (!source) throw new Error('plan without a source store');
  return source.redis;
}

function fieldOf(store: Store, user: string): string {
  return `${store.name} ${user}`;
}

/** In the form of a rule line, so that it is read like one. */
function withoutSecrets(user: string, line: string): string {
  return `user ${user} ${rightsOf(line).join(' ')}`;
}

async function aclLines(redis: Redis): Promise<readonly string[]> {
  return (await redis.call('ACL', ['LIST'])) as string[];
}
