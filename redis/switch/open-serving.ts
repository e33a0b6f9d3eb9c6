import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { decidingRecord } from '../authority-copies.ts';
import { writeControl } from '../control.ts';
import type { Stores } from '../stores.ts';
import { lowerFence } from './fence.ts';
import { keeperOf } from './fence-records.ts';

/** Opens the side that has the authority, and says which. Harmless where it is open. The caller holds the switch lease. */
export async function openServing(stores: Stores, plan: Plan): Promise<Side> {
  const keyspace = keyspaceOf(plan.migration);
  const side = (await decidingRecord(stores, plan))?.side ?? 'source';
  for (const one of stores.of(side)) await lowerFence(one, keyspace, keeperOf(stores, one));
  for (const link of linksOf(plan))
    await writeControl(stores.target.redis, keyspace, link.name, { paused: null });
  return side;
}
