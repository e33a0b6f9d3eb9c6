import type { Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import { tagged } from '../../domain/slot.ts';
import { assertUnchanged } from '../cluster/cluster-changed.ts';
import { type ClusterNode, nodesOf } from '../cluster/routed-redis.ts';
import type { Stores } from '../stores.ts';
import { fenceIsProven } from './fence.ts';

/** Before the fence: each server is given what a flush, a swap or an older copy of its data would take. */
export async function markServers(stores: Stores, keyspace: Keyspace, token: number): Promise<void> {
  const nodes = stores.all.flatMap(({ redis }) => nodesOf(redis));
  await Promise.all(nodes.map(({ redis, tag }) => redis.set(tagged(keyspace.switchMark(), tag), token)));
}

/**
 * Right before the flip: what was fenced, drained and verified is still so. A server that restarts forgets its fence, lets
 * writes in that were not drained, and may hold less than before (L2, L5). None of our connections reconnects, so one
 * that answers has seen no restart; a master that was demoted answers too, and so does one that was flushed.
 *
 * @param from the side that serves until the flip
 * @param token of this attempt
 * @throws ClusterChanged, and what a connection says that is closed
 */
export async function assertStanding(
  stores: Stores,
  keyspace: Keyspace,
  from: Side,
  token: number,
): Promise<void> {
  await Promise.all(
    stores.all.map(async (one) => {
      const { name, side, appUsers } = one.store;
      const fenced = side === from && appUsers.length > 0;
      const [stands] = await Promise.all([
        fenced ? fenceIsProven(one, keyspace.probe('fence')) : true,
        assertUnchanged(one.redis),
        ...nodesOf(one.redis).map((node) => assertWhole(name, node, keyspace.switchMark(), token)),
      ]);
      if (!stands) throw new Error(`the fence of ${name} does not stand any more`);
    }),
  );
}

async function assertWhole(store: string, { redis, tag }: ClusterNode, mark: string, token: number) {
  const [[role], held] = await Promise.all([redis.role(), redis.get(tagged(mark, tag))]);
  if (role !== 'master') throw new Error(`a server of ${store} is no master any more`);
  if (held !== String(token)) throw new Error(`a server of ${store} has lost data since the switch began`);
}
