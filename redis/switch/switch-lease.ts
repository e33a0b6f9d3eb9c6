import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { onRuledServers } from '../cluster/ruled-servers.ts';
import { loadScripts } from '../scripts/index.ts';
import type { Stores } from '../stores.ts';
import { eachClient } from './each-client.ts';

/** Somebody who began later holds the fences: this attempt must change nothing more. */
export class SwitchLeaseLost extends Error {
  override readonly name = 'SwitchLeaseLost';
  constructor() {
    super('a later attempt holds the fences: this one is over');
  }
}

/** Purpose of connections by which fences are raised and lowered. `watch`: of the look that keeps them raised. */
export function fencingPurpose(migration: string, holder: number | 'watch'): string {
  return `${familyOf(migration)}${holder}`;
}

function familyOf(migration: string): string {
  return `fencing:${migration}:`;
}

/**
 * From here on nobody but this attempt raises or lowers a fence, or moves the authority (L1, L8). The rule of a user
 * cannot be set under a condition, so an attempt that was stopped, and goes on later, must not be heard any more: the
 * connections of all others are ended, on every server, and none of ours reconnects. One that wakes before it has opened
 * any is refused here: its token is the smaller one. The stores must have been opened for `fencingPurpose`.
 *
 * @param token grows from one attempt to the next: ms at which Temporal scheduled it
 * @throws SwitchLeaseLost
 */
export async function takeSwitchLease(stores: Stores, migration: string, token: number): Promise<void> {
  const run = await loadScripts(stores.target.redis);
  const lease = keyspaceOf(migration).switchLease();
  if (Number(await run('raiseLease', [lease], [String(token)])) !== 1) throw new SwitchLeaseLost();
  for (const { redis } of stores.all)
    await onRuledServers(redis, async (servers) => {
      await Promise.all(servers.map((server) => endOthers(server.redis, migration, token)));
    });
}

async function endOthers(redis: Redis, migration: string, token: number): Promise<void> {
  const mine = `jday:${fencingPurpose(migration, token)}`;
  const family = `jday:${familyOf(migration)}`;
  // One that has ended meanwhile by itself is no error: 0 were killed.
  for (const { id, name } of await eachClient(redis))
    if (name.startsWith(family) && name !== mine) await redis.call('CLIENT', ['KILL', 'ID', id]);
}
