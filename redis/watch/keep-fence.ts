import { keyspaceOf } from '../../domain/keyspace.ts';
import type { Plan } from '../../domain/plan.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { assertUnchanged } from '../cluster/cluster-changed.ts';
import type { Stores } from '../stores.ts';
import { fenceIsProven, isFenced, raiseFence } from '../switch/fence.ts';
import { keeperOf } from '../switch/fence-records.ts';

/**
 * The side without authority stays fenced after a switch. A server that restarts forgets rules set at run time, and
 * one that comes back empty our record too: where the record or its copy stands and the users can write, the fence is
 * raised again (L1, L8). So it is on the node of a cluster that has taken over, once the look has begun anew on the map
 * that has it.
 *
 * @throws ClusterChanged
 */
export async function keepFence(plan: Plan, stores: Stores, authority: Side): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  for (const one of stores.of(otherSide(authority))) {
    const keeper = keeperOf(stores, one);
    await assertUnchanged(one.redis);
    if (!(await isFenced(one, keyspace, keeper))) continue;
    if (!(await fenceIsProven(one, keyspace.probe('fence')))) await raiseFence(one, keyspace, null, keeper);
  }
}
