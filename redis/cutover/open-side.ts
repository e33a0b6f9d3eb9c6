import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, otherSide, type Plan, type Side } from '../../domain/plan/plan.ts';
import { writeControl } from '../state/control.ts';
import type { Stores } from '../client/stores.ts';
import { lowerFence } from '../fence/lower-fence.ts';
import { copyStoreOf } from '../fence/fence-records.ts';
import { restoreAuthority, raiseCopies } from '../state/authority.ts';
import type { AuthorityRecord } from '../../domain/authority/authority-record.ts';
import { onMasters } from '../fence/raise-fence.ts';

/**
 * Opens every store of a side to its apps. If one store fails, the others are opened all the same. Has no effect on a
 * side that is open.
 *
 * @returns sentences for the operator
 * @throws the error of the first store that failed: try again
 */
export async function openSide(stores: Stores, plan: Plan, side: Side): Promise<readonly string[]> {
  const keyspace = keyspaceOf(plan.migration);
  const lowered = await Promise.allSettled(
    stores.of(side).map((one) => lowerFence(one, keyspace, copyStoreOf(stores, one))),
  );
  // Do this even if a store has failed: the pauses of the others are lifted, so the sync may write there again.
  for (const link of linksOf(plan))
    await writeControl(stores.target.redis, keyspace, link.name, { paused: null });
  for (const one of lowered) if (one.status === 'rejected') throw one.reason;
  return lowered.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

/**
 * Opens the side that has the authority. Has no effect on a side that is open. The caller must hold the switch lease.
 *
 * A switch that broke after the flip may have left a pause on the other side. This function lifts it. Otherwise the
 * caller's next write there, the copy of the switch lease, would wait for the end of the pause.
 *
 * @returns the side that serves
 */
export async function openServing(stores: Stores, plan: Plan): Promise<Side> {
  const record = await restoreAuthority(stores, plan);
  const side = record?.side ?? 'source';
  const [lifted] = await Promise.allSettled(record ? [liftPause(stores, plan, record)] : []);
  // Open this side even if the other side cannot be reached, because its apps need it.
  await openSide(stores, plan, side);
  if (lifted?.status === 'rejected') throw lifted.reason;
  return side;
}

/**
 * Lifts a pause that still stands on the side that has lost the authority. Under the pause we could not write there.
 *
 * Before that, the function raises the copies of the record on V2's nodes. The writes that the pause has held back land
 * on the old side as soon as it is lifted. The sync must treat them as changes of a side without authority. A node of
 * V2 with the old epoch would still accept a write that the sync decided under the old authority.
 */
export async function liftPause(stores: Stores, plan: Plan, record: AuthorityRecord): Promise<void> {
  await raiseCopies(stores.target.redis, plan, record);
  for (const { redis } of stores.of(otherSide(record.side))) await onMasters(redis, 'UNPAUSE');
  for (const link of linksOf(plan))
    await writeControl(stores.target.redis, keyspaceOf(plan.migration), link.name, { paused: null });
}
