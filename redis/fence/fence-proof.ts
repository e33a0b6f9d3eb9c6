import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { nodesOf } from '../client/cluster-client.ts';
import type { RuledServer } from '../client/acl-nodes.ts';
import type { OpenStore } from '../client/stores.ts';
import { readRule, sameRule } from './acl-rule.ts';
import { deniedOn } from './denied-commands.ts';
import { openCommand } from './raise-fence.ts';
import { type FencePlaces, readRecord } from './fence-records.ts';

/**
 * State of the fence for one user.
 * - `proven`: the user has exactly the rule that the fence left, and every command by which a key can change is denied.
 * - `changed`: every such command is denied, but the rule is not the one that the fence left, or we have no record of a
 *   fence. A user who does not exist is `changed` too.
 * - `open`: one such command is not denied, or its denial is not proven. Unknown counts as open.
 */
type Standing = 'proven' | 'changed' | 'open';

export type FenceSeen = {
  readonly standing: Standing;
  /** The fence survives a restart, or the plan allows this server to forget it. */
  readonly saved: boolean;
};

/** Reads the state of the fence for each app user of the store on each of the servers. */
export function readFence(kept: FencePlaces, servers: readonly RuledServer[]): Promise<readonly FenceSeen[]> {
  return Promise.all(
    servers.flatMap((server) => kept.store.appUsers.map((user) => lookAt(kept, server, user))),
  );
}

/** Returns true if there is nothing to do: no user can write, and each fence of ours is saved. */
export function isKept(looks: readonly FenceSeen[]): boolean {
  return looks.every(({ standing, saved }) => standing === 'changed' || (standing === 'proven' && saved));
}

async function lookAt(kept: FencePlaces, server: RuledServer, user: string): Promise<FenceSeen> {
  const [rule, record, denied] = await Promise.all([
    readRule(server.redis, user),
    readRecord(kept, user, server.id),
    deniedOn(server.redis),
  ]);
  const saved = record?.saved ?? false;
  if (!rule) return { standing: 'changed', saved };
  if ((await openCommand(server, user, rule, kept.keyspace, denied)) !== null)
    return { standing: 'open', saved };
  const asLeft = record !== null && sameRule(rule, record.left);
  return { standing: asLeft ? 'proven' : 'changed', saved };
}

/**
 * Returns true if the fence is proven for every app user on every master. Everything unknown counts as not proven.
 *
 * @param keeper the store that holds the copies of the records, see `keeperOf`
 */
export async function fenceIsProven(one: OpenStore, keyspace: Keyspace, keeper: Redis): Promise<boolean> {
  const looks = await readFence({ ...one, keyspace, keeper }, nodesOf(one.redis));
  return looks.length > 0 && looks.every(({ standing }) => standing === 'proven');
}
