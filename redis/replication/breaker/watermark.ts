import type { Redis } from 'ioredis';
import { AUTHORITY_KEY, type Keyspace } from '../../../domain/keys/keyspace.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import type { ServerRecord } from '../../../domain/protocol/loss-suspicion.ts';
import { RoutedRedis } from '../../client/cluster-client.ts';
import { infoField } from '../../client/server-info.ts';
import { tagsTold } from '../../state/authority.ts';

/**
 * The watermark record of a shard: what it knows of its two servers. The shard writes it on both servers once a second,
 * so if one server loses it, the other still has it. `mark` is the newest stamp of that second. A server that comes
 * back with an older one has lost data.
 */
export type WatermarkRecord = {
  readonly mark: string;
  readonly sides: Readonly<Partial<Record<Side, ServerRecord>>>;
};

/** What is known of one side from earlier, and what that side itself still holds. */
export type Remembered = {
  /** What an earlier attempt knew of the side; `null` = no record says anything about it. */
  readonly before: ServerRecord | null;
  /** The watermark that the side still holds; '' = none. */
  readonly survived: string;
  /** The side lacks the authority record, which every claimed store has. */
  readonly unclaimed: boolean;
};

/** Reads the watermark records of a shard on both sides. */
export async function readWatermarks(
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

/** Whether a side is already suspect, lacks the authority record, or holds an older watermark than it once had. */
export function hasLost({ before, survived, unclaimed }: Remembered): boolean {
  return unclaimed || (before !== null && (before.suspicion !== null || survived < before.mark));
}

/** The record on the other side counts first. A suspicion counts even if only one of the two sides has recorded it. */
function remembered(
  told: ServerRecord | undefined,
  own: WatermarkRecord | null,
  side: Side,
  unclaimed: boolean,
): Remembered {
  const witness = told ?? own?.sides[side] ?? null;
  const suspicion = witness?.suspicion ?? own?.sides[side]?.suspicion ?? null;
  return { before: witness && { ...witness, suspicion }, survived: own?.mark ?? '', unclaimed };
}

/** The records on the nodes of a side, by tag. A single server has the tag ''. */
type Records = ReadonlyMap<string, WatermarkRecord | null>;

async function recordsOn(redis: Redis, keyspace: Keyspace, shard: string): Promise<Records> {
  const tags = await tagsOn(redis, keyspace, shard);
  const texts = await Promise.all(tags.map((tag) => redis.get(tagged(keyspace.witness(shard), tag))));
  return new Map(tags.map((tag, i) => [tag, parsed(texts[i] ?? null)]));
}

async function tagsOn(redis: Redis, keyspace: Keyspace, shard: string): Promise<readonly string[]> {
  return redis instanceof RoutedRedis ? tagsTold(redis, keyspace, shard) : [''];
}

/** The keys of the watermark records of a shard on a side. */
export async function watermarkKeysOn(
  redis: Redis,
  keyspace: Keyspace,
  shard: string,
): Promise<readonly string[]> {
  return (await tagsOn(redis, keyspace, shard)).map((tag) => tagged(keyspace.witness(shard), tag));
}

function newestOf(records: Records): WatermarkRecord | null {
  return [...records.values()].reduce(
    (newest, one) => ((one?.mark ?? '') > (newest?.mark ?? '') ? one : newest),
    null,
  );
}

/**
 * The record that a side as a whole has kept. On a cluster that is the oldest one among the nodes that had taken the
 * last watermark, because the side has lost what one of its nodes has lost; `null` = one of these nodes has no record.
 */
function keptOf(records: Records, told: ServerRecord | undefined): WatermarkRecord | null {
  if (!told?.tags && !records.has('')) return newestOf(records);
  const kept = (told?.tags ?? ['']).map((tag) => records.get(tag) ?? null);
  return kept.reduce(
    (oldest, one) => ((one?.mark ?? '') < (oldest?.mark ?? '') ? one : oldest),
    kept[0] ?? null,
  );
}

function parsed(text: string | null): WatermarkRecord | null {
  return text === null ? null : (JSON.parse(text) as WatermarkRecord);
}

/**
 * The record that stays on a side after a run: it adds that from now on no sync watches the target. `null` = the record
 * says nothing about the target.
 */
export function leftUnwatched(text: string): string | null {
  const record = parsed(text);
  const target = record?.sides.target;
  if (!record || !target) return null;
  return JSON.stringify({
    ...record,
    sides: { ...record.sides, target: { ...target, unwatched: { seen: [] } } },
  });
}

/** Whether the authority record is missing. Every claimed store has one, and a flush removes it. */
async function lacksAuthority(redis: Redis): Promise<boolean> {
  return (await redis.exists(AUTHORITY_KEY)) === 0;
}

/** The oldest watermark. Stamps compare as bytes. */
export function oldestOf(marks: readonly string[]): string {
  return marks.reduce((oldest, mark) => (mark < oldest ? mark : oldest));
}

/** The watermark in a record (JSON); '' = there is no record. */
export function markOf(record: string | null): string {
  return record === null ? '' : (JSON.parse(record) as WatermarkRecord).mark;
}

/** Figures of all servers of a side together. A restart or an eviction changes them, and an app's command does not. */
export type CountersRead = {
  /** The run ids of all servers; a restarted server has another one. */
  readonly runId: string;
  /** Keys that the servers have evicted since they started. */
  readonly evicted: number;
  /** For each server, the commands that it has processed. The number only grows, unless its statistics are reset. */
  readonly commands: readonly number[];
  /** At least one server has a memory limit and a policy that evicts keys. */
  readonly evicts: boolean;
};

/** Reads the counters of all servers of a side. */
export async function readCounters(servers: readonly Redis[]): Promise<CountersRead> {
  const looks = await Promise.all(servers.map(lookAt));
  return {
    runId: looks.map(({ runId }) => runId).join(' '),
    evicted: looks.reduce((sum, { evicted }) => sum + evicted, 0),
    commands: looks.flatMap(({ commands }) => commands),
    evicts: looks.some(({ evicts }) => evicts),
  };
}

async function lookAt(redis: Redis): Promise<CountersRead> {
  const info = await redis.info('server', 'stats', 'memory');
  const field = (name: string) => infoField(info, name);
  return {
    runId: field('run_id'),
    evicted: Number(field('evicted_keys')),
    commands: [Number(field('total_commands_processed'))],
    evicts: Number(field('maxmemory')) > 0 && field('maxmemory_policy') !== 'noeviction',
  };
}
