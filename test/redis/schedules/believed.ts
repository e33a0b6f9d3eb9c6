import type { Shard } from '../../../domain/keys/shard.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import type { ServerRecord } from '../../../domain/protocol/loss-suspicion.ts';
import type { WatermarkRecord } from '../../../redis/replication/breaker/watermark.ts';
import type { World } from './world.ts';

/** Whether the record of a shard is about the server as it is now, and says that the side is not suspect. */
export async function isBelieved(
  world: World,
  shard: Shard,
  side: Side,
  asItIsNow: (witness: ServerRecord) => boolean,
): Promise<boolean> {
  const text = await world.connection('v2').get(world.keyspace.witness(shard.name));
  const seen = text === null ? undefined : (JSON.parse(text) as WatermarkRecord).sides[side];
  return seen !== undefined && asItIsNow(seen) && seen.suspicion === null;
}
