import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace } from '../../domain/keyspace.ts';
import type { Side } from '../../domain/side.ts';
import { tagged } from '../../domain/slot.ts';
import type { Witness } from '../../domain/suspicion.ts';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import { tagsTold } from './lease.ts';

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
  const found = {
    source: await recordsOn(sides.source, keyspace, shard),
    target: await recordsOn(sides.target, keyspace, shard),
  };
  const records = {
    source: keptOf(found.source, newestOf(found.target)?.sides.source),
    target: keptOf(found.target, newestOf(found.source)?.sides.target),
  };
  const unclaimed = await Promise.all([lacksAuthority(sides.source), lacksAuthority(sides.target)]);
  return {
    source: remembered(newestOf(found.target)?.sides.source, records.source, 'source', unclaimed[0]),
    target: remembered(newestOf(found.source)?.sides.target, records.target, 'target', unclaimed[1]),
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

/** By tag; one server needs none. */
type Records = ReadonlyMap<string, WitnessRecord | null>;

async function recordsOn(redis: Redis, keyspace: Keyspace, shard: string): Promise<Records> {
  const told = await tagsTold(redis, keyspace, shard);
  const tags = redis instanceof RoutedRedis ? told : [''];
  const texts = await Promise.all(tags.map((tag) => redis.get(tagged(keyspace.witness(shard), tag))));
  return new Map(tags.map((tag, i) => [tag, parsed(texts[i] ?? null)]));
}

function newestOf(records: Records): WitnessRecord | null {
  return [...records.values()].reduce(
    (newest, one) => ((one?.mark ?? '') > (newest?.mark ?? '') ? one : newest),
    null,
  );
}

/** What a side has kept as a whole: the oldest record of those that all its nodes had taken; `null` = one of them has none. */
function keptOf(records: Records, told: Witness | undefined): WitnessRecord | null {
  if (!told?.tags && !records.has('')) return newestOf(records);
  const kept = (told?.tags ?? ['']).map((tag) => records.get(tag) ?? null);
  return kept.reduce(
    (oldest, one) => ((one?.mark ?? '') < (oldest?.mark ?? '') ? one : oldest),
    kept[0] ?? null,
  );
}

function parsed(text: string | null): WitnessRecord | null {
  return text === null ? null : (JSON.parse(text) as WitnessRecord);
}

/** Every claimed store has the record; it goes with a flush. */
async function lacksAuthority(redis: Redis): Promise<boolean> {
  return (await redis.exists(AUTHORITY_KEY)) === 0;
}

/** Stamps compare as bytes. */
export function oldestOf(marks: readonly string[]): string {
  return marks.reduce((oldest, mark) => (mark < oldest ? mark : oldest));
}

/** '' = no record. */
export function markOf(record: string | null): string {
  return record === null ? '' : (JSON.parse(record) as WitnessRecord).mark;
}
