import type { Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import { assertUnchanged } from '../cluster/cluster-changed.ts';
import { nodesOf } from '../cluster/routed-redis.ts';
import type { Stores } from '../stores.ts';
import { fenceIsProven } from './fence.ts';

/**
 * Right before the flip: what was fenced, drained and verified is still so. A server that restarts forgets its fence, lets
 * writes in that were not drained, and may hold less than before (L2, L5). None of our connections reconnects, so one
 * that answers has seen no restart. A node that has taken over is none of those that were fenced.
 *
 * @param from the side that serves until the flip
 * @throws ClusterChanged, and what a connection says that is closed
 */
export async function assertStanding(stores: Stores, keyspace: Keyspace, from: Side): Promise<void> {
  await Promise.all(
    stores.all.map(async (one) => {
      await Promise.all(nodesOf(one.redis).map((node) => node.redis.ping()));
      if (one.store.side !== from) return;
      await assertUnchanged(one.redis);
      if (one.store.appUsers.length > 0 && !(await fenceIsProven(one, keyspace.probe('fence'))))
        throw new Error(`the fence of ${one.store.name} does not stand any more`);
    }),
  );
}
