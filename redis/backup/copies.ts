import type { Redis } from 'ioredis';

const SCAN_COUNT = 256;
const SLICE_KEYS = 256;
const SLICE_BYTES = 8 << 20;

/** A DUMP ends in two bytes of RDB version and eight of checksum. */
const DUMP_FOOTER_BYTES = 10;

/** What PEXPIRETIME says of a key that is not there. */
const GONE = -2;

/** A key as one store holds it. `expiresAt`: ms since epoch, -1 = never; `body` `null` = absent. */
export type Copy = { readonly body: Buffer | null; readonly expiresAt: number };

/** Every key of a database, in batches; a key may come twice while the database changes. */
export async function* keyBatches(redis: Redis, signal: AbortSignal): AsyncGenerator<Buffer[]> {
  let cursor = '0';
  do {
    signal.throwIfAborted();
    const [next, keys] = await redis.scanBuffer(cursor, 'COUNT', SCAN_COUNT);
    cursor = next.toString();
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}

/** Both parts of each key in one pipeline; not atomic: a change between them shows in the feed. */
export async function readCopies(redis: Redis, keys: readonly Buffer[]): Promise<Copy[]> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.dumpBuffer(key).pexpiretime(key);
  const replies = await repliesOf<Buffer | number | null>(pipeline);
  return keys.map((_key, index) => {
    const dump = replies[index * 2] as Buffer | null;
    const expiresAt = replies[index * 2 + 1] as number;
    // It ended by itself between the two reads: of that a feed may hear only later.
    const there = dump !== null && expiresAt !== GONE;
    return { body: there ? dump.subarray(0, -DUMP_FOOTER_BYTES) : null, expiresAt };
  });
}

/** Slices small enough to be held in memory on both sides; the scratch pays for the measuring, not the live store. */
export async function* slices(scratch: Redis, keys: readonly Buffer[]): AsyncGenerator<Buffer[]> {
  const pipeline = scratch.pipeline();
  for (const key of keys) pipeline.memory('USAGE', key);
  const sizes = await repliesOf<number | null>(pipeline);
  let slice: Buffer[] = [];
  let bytes = 0;
  for (const [index, key] of keys.entries()) {
    const size = sizes[index] ?? 0;
    if (slice.length > 0 && (slice.length === SLICE_KEYS || bytes + size > SLICE_BYTES)) {
      yield slice;
      slice = [];
      bytes = 0;
    }
    slice.push(key);
    bytes += size;
  }
  if (slice.length > 0) yield slice;
}

/** The replies of a pipeline; the first error in it is thrown. */
export async function repliesOf<T>(pipeline: ReturnType<Redis['pipeline']>): Promise<T[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply as T;
  });
}

/** The server's clock, ms since epoch. */
export async function clockOf(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
