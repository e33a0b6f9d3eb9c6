import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import type { Witness } from '../../domain/suspicion.ts';

/**
 * What a shard knows of its two servers, written on both once a second: what one of them loses, the other still
 * says. `mark` is the newest stamp of that second; a server that comes back with less has lost something (L5).
 */
export type WitnessRecord = {
  readonly mark: string;
  readonly sides: Readonly<Partial<Record<Side, Witness>>>;
};

/** What is known of one side from before, and what the side itself still holds. */
export type Remembered = {
  readonly before: Witness | null;
  readonly survived: string;
  readonly unclaimed: boolean;
};

export async function readWitnesses(
  sides: Readonly<Record<Side, Redis>>,
  keyspace: Keyspace,
  shard: string,
): Promise<Readonly<Record<Side, Remembered>>> {
  const key = keyspace.witness(shard);
  const [source, target] = await Promise.all([sides.source.get(key), sides.target.get(key)]);
  const records = { source: parsed(source), target: parsed(target) };
  const unclaimed = await Promise.all([lacksAuthority(sides.source), lacksAuthority(sides.target)]);
  return {
    source: remembered(records.target?.sides.source, records.source, 'source', unclaimed[0]),
    target: remembered(records.source?.sides.target, records.target, 'target', unclaimed[1]),
  };
}

/** Whether a side is suspect already, or shows at first sight that it has lost something. */
export function hasLost({ before, survived, unclaimed }: Remembered): boolean {
  return unclaimed || (before !== null && (before.suspicion !== null || survived < before.mark));
}

/** The word of the other side first; a suspicion that only one of them holds still counts. */
function remembered(
  told: Witness | undefined,
  own: WitnessRecord | null,
  side: Side,
  unclaimed: boolean,
): Remembered {
  const witness = told ?? own?.sides[side] ?? null;
  const suspicion = witness?.suspicion ?? own?.sides[side]?.suspicion ?? null;
  return { before: witness && { ...witness, suspicion }, survived: own?.mark ?? '', unclaimed };
}

function parsed(text: string | null): WitnessRecord | null {
  return text === null ? null : (JSON.parse(text) as WitnessRecord);
}

/** Every claimed store has the record; it goes with a flush. */
async function lacksAuthority(redis: Redis): Promise<boolean> {
  return (await redis.exists(AUTHORITY_KEY)) === 0;
}
