import type { Plan } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import { decidingRecord } from '../authority-copies.ts';
import type { Stores } from '../stores.ts';
import { openSide } from './open-side.ts';

/** Opens the side that has the authority, and says which. Harmless where it is open. The caller holds the switch lease. */
export async function openServing(stores: Stores, plan: Plan): Promise<Side> {
  const side = (await decidingRecord(stores, plan))?.side ?? 'source';
  await openSide(stores, plan, side);
  return side;
}
