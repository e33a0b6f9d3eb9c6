import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import type { Suspect } from '../../domain/status.ts';
import { REASONS } from '../../domain/suspicion.ts';
import { writeControl } from '../../redis/control.ts';
import type { WitnessRecord } from '../../redis/sync/witness-record.ts';
import { eventually } from './eventually.ts';
import type { SyncProcess } from './start-sync-process.ts';

const WITHIN = { withinMs: 20_000 };

/** Saves a side. What it gives back resolves when the other side knows of more than was saved. */
export async function saved(
  sides: Readonly<Record<Side, Redis>>,
  plan: Plan,
  side: Side,
): Promise<() => Promise<unknown>> {
  const witness = keyspaceOf(plan.migration).witness(linksOf(plan)[0]?.name ?? '');
  await sides[side].save();
  const { mark: kept } = JSON.parse((await sides[side].get(witness)) ?? '') as WitnessRecord;
  return () =>
    eventually('the other side to know of more than was saved', async () => {
      const record = JSON.parse(
        (await sides[otherSide(side)].get(witness)) ?? '{}',
      ) as Partial<WitnessRecord>;
      return (record.sides?.[side]?.mark ?? '') > kept;
    });
}

/** Its server came back with older data, and the sync knows. */
export function suspected(sync: SyncProcess, side: Side): Promise<Suspect> {
  const found = () =>
    sync.status()?.suspects?.find((one) => one.side === side && one.reason === REASONS.older) ??
    Promise.reject(new Error(JSON.stringify(sync.status()?.suspects)));
  return eventually('its side to be suspect', found, WITHIN);
}

/** The operator has it restored; resolves when it is believed again. */
export async function decided(
  sync: SyncProcess,
  target: Redis,
  plan: Plan,
  { side, since }: Suspect,
): Promise<void> {
  const keyspace = keyspaceOf(plan.migration);
  for (const { name } of linksOf(plan))
    await writeControl(target, keyspace, name, { accept: { [side]: { word: 'restore', sinces: [since] } } });
  await eventually('it to be believed', () => sync.status()?.suspects?.length === 0, WITHIN);
}
