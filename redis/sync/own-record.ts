import { ABSENT } from '../../domain/digest.ts';
import { placeOf } from '../ledger.ts';
import type { Attempt } from './attempt.ts';
import type { BornLive } from './changes.ts';
import { OwnKeys, printOf } from './own-keys.ts';
import type { SideState } from './read-reply.ts';
import { readStates } from './read-states.ts';

/** What completes the record: for which datasets it was taken, in how many pieces. */
type Completed = { readonly datasets: readonly string[]; readonly pieces: number };

/** The field that says so; pieces are numbered. */
const COMPLETE = 'complete';
/** Keys in a piece: 32 KiB. */
const PIECE_KEYS = 4_096;

/**
 * What the target holds of datasets that have not been told apart yet, as a record there that outlives the attempt:
 * of a key that was written since, another attempt knows so too (L2, L8). One that was not completed says nothing of
 * what is missing in it, and is begun anew (docs/decisions/0015).
 *
 * @param walk the keys of these datasets on the target, batch by batch
 */
export async function ownKeysOf(
  attempt: Attempt,
  datasets: readonly string[],
  bornLive: BornLive,
  walk: AsyncIterable<readonly string[]>,
  signal: AbortSignal,
): Promise<OwnKeys> {
  const { guarded, reached } = attempt;
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
  // A walk that was broken off has not seen everything.
  signal.throwIfAborted();
  const completed: Completed = { datasets, pieces };
  await guarded('HSET', record, COMPLETE, JSON.stringify(completed));
  return new OwnKeys(Buffer.concat(prints));
}

/** All were told apart: the record has done its work. */
export async function dropOwnRecord({ guarded, keyspace, shard }: Attempt): Promise<void> {
  await guarded('UNLINK', keyspace.own(shard.name));
}

/** `null` = none was completed for these datasets. */
async function readRecord(
  { keyspace, shard, ports }: Attempt,
  datasets: readonly string[],
): Promise<OwnKeys | null> {
  const { redis } = ports.target;
  const record = keyspace.own(shard.name);
  const text = await redis.hget(record, COMPLETE);
  const completed = text === null ? null : (JSON.parse(text) as Completed);
  if (!completed || !datasets.every((name) => completed.datasets.includes(name))) return null;
  const pieces: Buffer[] = [];
  for (let i = 0; i < completed.pieces; i++)
    pieces.push((await redis.hgetBuffer(record, String(i))) ?? Buffer.alloc(0));
  return new OwnKeys(Buffer.concat(pieces));
}

/** Of those that are V2's own by what is known so far: neither written since the feed runs nor carried there. */
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
    const dataset = keyMap.owner('source', key);
    if (!dataset) return [];
    const name = keyMap.counterpart(dataset, 'source', key);
    return [{ key, name, place: placeOf(key), wanted: 'digest' as const }];
  });
  const states = await readStates(ports.target, keyspace, link.name, questions);
  return questions.map(({ key }, i) => [key, states[i] as SideState] as const);
}
