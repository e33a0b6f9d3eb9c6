import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf, otherSide, type Plan, type Side } from '../../../domain/plan/plan.ts';
import type { Suspect } from '../../../domain/gates/status.ts';
import { REASONS } from '../../../domain/protocol/loss-suspicion.ts';
import { writeControl } from '../../../redis/state/control.ts';
import type { WatermarkRecord } from '../../../redis/replication/breaker/watermark.ts';
import { eventually } from '../eventually.ts';
import type { SyncProcess } from '../processes/start-sync-process.ts';

/**
 * Makes a side save its data.
 *
 * @returns waits until the other side has recorded a newer watermark of this side than the saved one
 */
export async function saved(
  sides: Readonly<Record<Side, Redis>>,
  plan: Plan,
  side: Side,
): Promise<() => Promise<unknown>> {
  const witness = keyspaceOf(plan.migration).witness(linksOf(plan)[0]?.name ?? '');
  await sides[side].save();
  const { mark: kept } = JSON.parse((await sides[side].get(witness)) ?? '') as WatermarkRecord;
  return () =>
    eventually('the other side to know of more than was saved', async () => {
      const record = JSON.parse(
        (await sides[otherSide(side)].get(witness)) ?? '{}',
      ) as Partial<WatermarkRecord>;
      return (record.sides?.[side]?.mark ?? '') > kept;
    });
}

/** Resolves when the sync suspects the side, because its server came back with older data. */
export function suspected(sync: SyncProcess, side: Side): Promise<Suspect> {
  const found = () =>
    sync.status()?.suspects?.find((one) => one.side === side && one.reason === REASONS.older) ??
    Promise.reject(new Error(JSON.stringify(sync.status()?.suspects)));
  return eventually('its side to be suspect', found);
}

/** Gives the decision of the operator to restore the side. Resolves when the sync suspects no side any more. */
export async function decided(
  sync: SyncProcess,
  target: Redis,
  plan: Plan,
  { side, since }: Suspect,
): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  for (const { name } of linksOf(plan))
    await writeControl(target, keyspace, name, { accept: { [side]: { word: 'restore', sinces: [since] } } });
  await eventually('it to be believed', () => sync.status()?.suspects?.length === 0);
}
