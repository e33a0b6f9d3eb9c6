import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { OpenStore } from '../stores.ts';
import { rightsOf, ruleLineOf } from './acl-rule.ts';

/**
 * The durable fence: the apps' users lose every write command, at once and on open connections too. The rule as it
 * was is kept verbatim on the server itself, before the fence is raised (L9), and never leaves it: it holds hashes
 * of passwords (L12).
 *
 * A short pause of writes around it makes several users one instant. On a server that other stores share it would
 * block our own drain: there the rules alone must do.
 */
export async function raiseFence(
  { store, redis }: OpenStore,
  keyspace: Keyspace,
  pauseMs: number | null,
): Promise<void> {
  const lines = await aclLines(redis);
  for (const user of store.appUsers) {
    const line = ruleLineOf(lines, user);
    if (!line) throw new Error(`store ${store.name}: app user of the plan does not exist`);
    await redis.set(keyspace.fence(user), line, 'NX');
  }
  if (pauseMs !== null) await redis.call('CLIENT', ['PAUSE', String(pauseMs), 'WRITE']);
  for (const user of store.appUsers) await redis.call('ACL', ['SETUSER', user, '-@write', 'clearselectors']);
  if (pauseMs !== null && store.appUsers.length > 0) await redis.call('CLIENT', ['UNPAUSE']);
}

/** Puts every rule back to the letter and lifts a pause. Harmless where no fence stands. */
export async function lowerFence({ store, redis }: OpenStore, keyspace: Keyspace): Promise<void> {
  // The pause first: under it our own DEL would wait.
  await redis.call('CLIENT', ['UNPAUSE']);
  for (const user of store.appUsers) {
    const line = await redis.get(keyspace.fence(user));
    if (line === null) continue;
    await redis.call('ACL', ['SETUSER', user, ...rightsOf(line)]);
    await redis.del(keyspace.fence(user));
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
export async function isFenced({ store, redis }: OpenStore, keyspace: Keyspace): Promise<boolean> {
  if (store.appUsers.length === 0) return false;
  return (await redis.exists(...store.appUsers.map((user) => keyspace.fence(user)))) > 0;
}

async function aclLines(redis: Redis): Promise<readonly string[]> {
  return (await redis.call('ACL', ['LIST'])) as string[];
}
