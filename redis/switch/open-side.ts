import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { writeControl } from '../control.ts';
import type { Stores } from '../stores.ts';
import { lowerFence } from './fence.ts';
import { keeperOf } from './fence-records.ts';

/**
 * Opens every store of a side. One that fails does not keep the others shut. Harmless where it is open.
 *
 * @throws what the first that failed threw: try again
 */
export async function openSide(stores: Stores, plan: Plan, side: Side): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  const lowered = await Promise.allSettled(
    stores.of(side).map((one) => lowerFence(one, keyspace, keeperOf(stores, one))),
  );
  // Also where one has failed: the pauses of the others are lifted.
  for (const link of linksOf(plan))
    await writeControl(stores.target.redis, keyspace, link.name, { paused: null });
  for (const one of lowered) if (one.status === 'rejected') throw one.reason;
}
