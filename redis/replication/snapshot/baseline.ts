import { ABSENT } from '../../../domain/protocol/protocol.ts';
import { entryPlaceOf } from '../../state/ledger.ts';
import type { Attempt } from '../attempt/attempt.ts';
import type { BornLive } from '../reconcile/step-decision.ts';
import { BaselineKeys, printOf } from '../reconcile/baseline-keys.ts';
import type { SideState } from '../store/state-codec.ts';
import { readStates } from '../store/store-port.ts';

/** Completes the record: the datasets that it covers, and its number of pieces. */
type Completed = { readonly datasets: readonly string[]; readonly pieces: number };

/** The field that holds `Completed`. The other fields are the numbers of the pieces. */
const COMPLETE = 'complete';
/** Keys in a piece. A piece is 64 KiB. */
const PIECE_KEYS = 4_096;

/**
 * Reads the baseline keys of the datasets: the keys that V2 had before us, each with its state. It keeps them in a
 * record on the target, which outlives the attempt. So a later attempt can also tell a baseline key from a key that an
 * app has written since. Without the record such a write would not travel after a crash.
 *
 * An incomplete record says nothing about the keys that it lacks, so the function begins a new one
 * (docs/decisions/0015).
 *
 * @param walk the keys of these datasets on the target, batch by batch
 */
export async function readBaseline(
  attempt: Attempt,
  datasets: readonly string[],
  bornLive: BornLive,
  walk: AsyncIterable<readonly string[]>,
  signal: AbortSignal,
): Promise<BaselineKeys> {
  const { reached } = attempt;
  const guarded = attempt.guards.target;
  const kept = await readRecord(attempt, datasets);
  if (kept) return kept;
  const record = attempt.keyspace.own(attempt.shard.name);
  await guarded('UNLINK', record);
  const prints: Buffer[] = [];
  let pieces = 0;
  let written = 0;
  const write = async () => {
    await guarded('HSET', record, String(pieces++), Buffer.concat(prints.slice(written)));
    written = prints.length;
  };
  for await (const keys of walk) {
    prints.push(...(await printsOf(attempt, keys, bornLive)));
    if (prints.length - written >= PIECE_KEYS) await write();
  }
  await write();
  await reached?.('own keys noted');
  // An aborted walk has not seen all keys, so its record must not count as complete.
  signal.throwIfAborted();
  const completed: Completed = { datasets, pieces };
  await guarded('HSET', record, COMPLETE, JSON.stringify(completed));
  return new BaselineKeys(Buffer.concat(prints));
}

/** Drops the record. The ledger holds all of its keys by now. */
export async function dropBaselineRecord({ guards, keyspace, shard }: Attempt): Promise<void> {
  await guards.target('UNLINK', keyspace.own(shard.name));
}

/** @returns `null` = no record is complete for these datasets */
async function readRecord(
  { keyspace, shard, ports }: Attempt,
  datasets: readonly string[],
): Promise<BaselineKeys | null> {
  const { redis } = ports.target;
  const record = keyspace.own(shard.name);
  const text = await redis.hget(record, COMPLETE);
  const completed = text === null ? null : (JSON.parse(text) as Completed);
  if (!completed || !datasets.every((name) => completed.datasets.includes(name))) return null;
  const pieces: Buffer[] = [];
  for (let i = 0; i < completed.pieces; i++)
    pieces.push((await redis.hgetBuffer(record, String(i))) ?? Buffer.alloc(0));
  return new BaselineKeys(Buffer.concat(pieces));
}

/**
 * The prints of those keys that are baseline keys as far as we know: the key exists, the sync has not carried it there,
 * and no app has written it since the feed runs.
 */
async function printsOf(
  attempt: Attempt,
  keys: readonly string[],
  bornLive: BornLive,
): Promise<readonly Buffer[]> {
  const seen: (readonly [string, SideState])[] = [];
  const { keys: size } = attempt.batch;
  for (let i = 0; i < keys.length; i += size)
    seen.push(...(await statesOf(attempt, keys.slice(i, i + size))));
  const live = await bornLive(keys);
  return seen
    .filter(([key, { digest, entry }]) => digest !== ABSENT && !entry && !live.has(key))
    .map(([key, { digest }]) => printOf(key, digest));
}

async function statesOf(
  { ports, keyspace, link, keyMap }: Attempt,
  keys: readonly string[],
): Promise<readonly (readonly [string, SideState])[]> {
  const questions = keys.flatMap((key) => {
    const name = keyMap.locate(key)?.names.target;
    return name === undefined ? [] : [{ key, name, place: entryPlaceOf(key), wanted: 'digest' as const }];
  });
  const states = await readStates(ports.target, keyspace, link.name, questions);
  return questions.map(({ key }, i) => [key, states[i] as SideState] as const);
}
