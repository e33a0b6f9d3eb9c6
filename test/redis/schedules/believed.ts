import type { Shard } from '../../../domain/shard.ts';
import type { Side } from '../../../domain/side.ts';
import type { Witness } from '../../../domain/suspicion.ts';
import type { WitnessRecord } from '../../../redis/sync/witness-record.ts';
import type { World } from './world.ts';

/** Whether a shard has looked at the server as it is now, and suspects nothing of the side: it has written that down. */
export async function isBelieved(
  world: World,
  shard: Shard,
  side: Side,
  asItIsNow: (witness: Witness) => boolean,
): Promise<boolean> {
  const text = await world.connection('v2').get(world.keyspace.witness(shard.name));
  const seen = text === null ? undefined : (JSON.parse(text) as WitnessRecord).sides[side];
  return seen !== undefined && asItIsNow(seen) && seen.suspicion === null;
}
