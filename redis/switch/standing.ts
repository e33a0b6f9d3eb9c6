import type { Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import { readAuthority } from '../authority.ts';
import { assertUnchanged } from '../cluster/cluster-changed.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import type { OpenStore, Stores } from '../stores.ts';
import { fenceIsProven } from './fence.ts';

/**
 * Right before the flip: what was fenced, drained and verified is still so. A server that restarts forgets its fence, lets
 * writes in that were not drained, and may hold less than before (L2, L5). None of our connections reconnects, so one
 * that answers has seen no restart. A master that was demoted answers too; a flush takes the record of who serves.
 *
 * @param from the side that serves until the flip
 * @throws ClusterChanged, and what a connection says that is closed
 */
export async function assertStanding(stores: Stores, keyspace: Keyspace, from: Side): Promise<void> {
  await Promise.all(
    stores.all.map(async (one) => {
      const { name, side, appUsers } = one.store;
      const fenced = side === from && appUsers.length > 0;
      const proven = fenced ? fenceIsProven(one, keyspace.probe('fence')) : Promise.resolve(true);
      const asked = await Promise.all([
        isMaster(one),
        readAuthority(one.redis),
        proven,
        assertUnchanged(one.redis),
      ]);
      if (!asked[0]) throw new Error(`a server of ${name} is no master any more`);
      if (!asked[1]) throw new Error(`${name} has lost the record of who serves`);
      if (!asked[2]) throw new Error(`the fence of ${name} does not stand any more`);
    }),
  );
}

async function isMaster({ redis }: OpenStore): Promise<boolean> {
  const roles = await Promise.all(nodesOf(redis).map((node) => node.redis.role()));
  return roles.every(([role]) => role === 'master');
}
