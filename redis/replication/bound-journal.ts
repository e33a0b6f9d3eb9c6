import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Side } from '../../domain/plan/plan.ts';
import { tagged } from '../../domain/keys/slot.ts';
import { savedRecords } from '../backup/saved-records.ts';
import { serverOf } from '../client/cluster-client.ts';
import { byteString } from '../client/key-bytes.ts';
import { tagsTold } from '../state/authority.ts';
import { recordBytes } from '../state/record-bytes.ts';
import { type HashRecord, keptKey, recordsOf, STAMP_BYTES } from '../state/journal.ts';
import type { Attempt } from './attempt/attempt.ts';

const LOOK_MS = 1_000;
const SIDES = ['source', 'target'] as const;
/** What is saved and then deleted together. */
const [PORTION_BYTES, PORTION_RECORDS] = [4 << 20, 2_000];

/** A bound of the conflict journal and the quarantine, in bytes of a server's memory, for each link and side. */
export type RecordBounds = {
  /** Above this losers of conflicts are saved to a file, and deleted once the disk has them. */
  readonly savedAboveBytes: number;
  /** Above this nothing could be saved for a while: the sync ends, before the server has no memory for the apps. */
  readonly mostBytes: number;
};

export const RECORD_BOUNDS: RecordBounds = { savedAboveBytes: 64 << 20, mostBytes: 256 << 20 };

export type JournalKeeping = {
  readonly bounds: RecordBounds;
  /** The folder for what is saved; `null` = this worker may write to none. */
  readonly folder: string | null;
  /** Called when losers have been saved to a file. */
  readonly saved: (side: Side, count: number) => void;
};

/**
 * The conflict journal cannot be saved, and holds as much as it may. Nothing was deleted. The sync ends, so no conflict
 * adds to it, and every later attempt tries to save first.
 */
export class JournalFull extends Error {
  override readonly name = 'JournalFull';
  constructor(store: string, bytes: number, why: string) {
    super(
      `the conflict journal on ${store} takes ${Math.round(bytes / 1e6)} MB and could not be saved (${why}): make the backup directory of the worker writable and make room there`,
    );
  }
}

/**
 * Looks after the journals of a link, once before anything else and then each second. The first shard does it for all
 * shards, because they share the journals.
 *
 * @throws JournalFull
 */
export async function boundJournals(
  attempt: Attempt,
  keeping: JournalKeeping,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await attempt.quarantine.measure();
    if (attempt.shard.index === 0) for (const side of SIDES) await bound(attempt, keeping, side);
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Counts the large losers that earlier attempts have left, and saves what is too much before the sync begins. */
export async function openJournals(attempt: Attempt, keeping: JournalKeeping): Promise<void> {
  if (attempt.shard.index !== 0) return;
  for (const side of SIDES) {
    attempt.records.largeBytes[side] = await largeBytesOf(attempt, side);
    await bound(attempt, keeping, side);
  }
}

async function bound(attempt: Attempt, keeping: JournalKeeping, side: Side): Promise<void> {
  const { savedAboveBytes, mostBytes } = keeping.bounds;
  let bytes = await measure(attempt, side);
  // Apps wait for a drain, and it takes seconds at most.
  if (bytes <= savedAboveBytes || attempt.draining) return;
  const why = await saveLosers(attempt, keeping, side).then(
    () => 'conflicts come faster than the disk takes them',
    (error: unknown) => whyNotSaved(error),
  );
  bytes = await measure(attempt, side);
  if (bytes > mostBytes) throw new JournalFull(attempt.link[side].name, bytes, why);
}

/** A file system says in one word what is wrong. Any other error may quote a key or a value, and ends the attempt. */
function whyNotSaved(error: unknown): string {
  if (error instanceof NoFolder) return 'this worker may not write there';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^E[A-Z]+$/.test(code) || code.startsWith('ECONN') || code === 'EPIPE') throw error;
  return code;
}

class NoFolder extends Error {
  override readonly name = 'NoFolder';
}

async function measure(attempt: Attempt, side: Side): Promise<number> {
  let bytes = attempt.records.largeBytes[side];
  for (const { redis, hash } of await journalsOf(attempt, side)) bytes += await recordBytes(redis, hash);
  attempt.records.journalBytes[side] = bytes;
  return bytes;
}

/** A journal, the server that holds it, and the tag that puts it there. */
type Journal = { readonly redis: Redis; readonly hash: string; readonly tag: string };

/** Returns the journals of a side: on a cluster one for each tag that a node ever had, because slots may have moved. */
async function journalsOf(
  { ports, keyspace, link, shard }: Attempt,
  side: Side,
): Promise<readonly Journal[]> {
  const { redis, nodes } = ports[side];
  const told = await tagsTold(redis, keyspace, shard.name);
  const tags = new Set([...nodes.map(({ tag }) => tag), ...told]);
  return [...tags].map((tag) => {
    const hash = tagged(keyspace.journal(link.name), tag);
    return { redis: serverOf(redis, hash), hash, tag };
  });
}

async function largeBytesOf(attempt: Attempt, side: Side): Promise<number> {
  let bytes = 0;
  for (const { redis, hash } of await journalsOf(attempt, side))
    for await (const records of recordsOf(redis, hash))
      for (const [, record] of records) bytes += await keptBytes(attempt, side, record);
  return bytes;
}

async function keptBytes({ ports }: Attempt, side: Side, record: Buffer): Promise<number> {
  const key = keptKey(record);
  if (key === null) return 0;
  const { redis } = ports[side];
  return recordBytes(serverOf(redis, byteString(key)), key);
}

/** Saves losers and deletes them, until half of what is allowed is left. */
async function saveLosers(attempt: Attempt, keeping: JournalKeeping, side: Side): Promise<void> {
  if (keeping.folder === null) throw new NoFolder();
  const enough = keeping.bounds.savedAboveBytes / 2;
  for (const journal of await journalsOf(attempt, side)) {
    for await (const records of inPortions(recordsOf(journal.redis, journal.hash))) {
      await saveThenDelete(attempt, keeping.folder, side, { ...journal, records });
      keeping.saved(side, records.length);
      if ((await measure(attempt, side)) <= enough) return;
    }
  }
}

/** Joins records to portions that are worth a sync of the disk. */
async function* inPortions(all: AsyncIterable<readonly HashRecord[]>): AsyncGenerator<readonly HashRecord[]> {
  let [portion, bytes]: [HashRecord[], number] = [[], 0];
  for await (const records of all) {
    portion.push(...records);
    for (const [field, record] of records) bytes += field.length + record.length;
    if (bytes < PORTION_BYTES && portion.length < PORTION_RECORDS) continue;
    yield portion;
    [portion, bytes] = [[], 0];
  }
  if (portion.length > 0) yield portion;
}

type Chosen = Journal & { readonly records: readonly HashRecord[] };

/**
 * The disk has the losers before Redis loses them. A worker that dies in between leaves them in both places, and the next
 * one writes them into a file again. Each attempt has a file of its own, because a worker that was only stopped may go on
 * later.
 */
async function saveThenDelete(
  attempt: Attempt,
  folder: string,
  side: Side,
  { records, ...journal }: Chosen,
): Promise<void> {
  const { plan, link, ports, guards, token } = attempt;
  const name = `${plan.migration}-journal-${link[side].name}-${link.name}.${token}`;
  const file = savedRecords(folder, name, ports[side].redis);
  try {
    for (const record of records) await file.add(record);
  } finally {
    await file.close();
  }
  await guards[side]('HDEL', journal.hash, ...records.map(([field]) => field));
  for (const record of records)
    attempt.records.largeBytes[side] -= await dropKept(attempt, side, journal, record);
}

/** Deletes a large loser, unless it is a pre-image too. Returns its bytes. */
async function dropKept(
  attempt: Attempt,
  side: Side,
  { redis, tag }: Journal,
  [field, record]: HashRecord,
): Promise<number> {
  const key = keptKey(record);
  if (key === null) return 0;
  const { keyspace, link, guards } = attempt;
  const bytes = await keptBytes(attempt, side, record);
  const preimages = tagged(keyspace.preimage(link.name), tag);
  const image = await redis.hgetBuffer(preimages, field.subarray(STAMP_BYTES));
  const isShared = image !== null && keptKey(image)?.equals(key) === true;
  if (!isShared) await guards[side]('UNLINK', byteString(key));
  return bytes;
}
