import type { Redis } from 'ioredis';
import { contentDigest } from './content.ts';

const SCAN_COUNT = 256;
const SLICE_KEYS = 256;
const SLICE_BYTES = 8 << 20;

/** A DUMP ends with two bytes of RDB version and eight bytes of checksum. */
const DUMP_FOOTER_BYTES = 10;

/** The reply of PEXPIRETIME for an absent key. */
export const GONE = -2n;

/** The same limit as in redis/scripts/prelude.lua, in bytes. A DUMP of a larger value would block the server. */
const LARGE_BYTES = 131_072;

/**
 * A key as one store holds it.
 *
 * - `body`: the DUMP without its last ten bytes; `null` = the key is absent.
 * - `expiresAt`: ms since the epoch; -1 = never, -2 = the key is absent.
 * - `isDigest`: the body is a digest of the content, because a large value is never in memory as a whole.
 */
export type Copy = {
  readonly body: Buffer | null;
  readonly expiresAt: bigint;
  readonly isDigest?: boolean;
};

/** Keys that are read together: many small keys, or one large key, which is read in pieces. */
export type Slice = { readonly keys: readonly Buffer[]; readonly isLarge: boolean };

/** Yields every key of a database, in batches. A key may come twice while the database changes. */
export async function* keyBatches(redis: Redis, signal: AbortSignal): AsyncGenerator<Buffer[]> {
  let cursor = '0';
  do {
    signal.throwIfAborted();
    const [next, keys] = await redis.scanBuffer(cursor, 'COUNT', SCAN_COUNT);
    cursor = next.toString();
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}

/** Reads the keys of a slice from one store, in their order. */
export async function copiesOf(redis: Redis, { keys, isLarge }: Slice): Promise<readonly Copy[]> {
  const [key] = keys;
  const body = isLarge && key ? await contentDigest(redis, key) : null;
  // The keys are small; or a large key cannot be read in pieces: it is gone, keeps changing, or belongs to a module.
  if (!key || body === null) return readCopies(redis, keys);
  const [until] = await repliesOf<number | string>(redis.pipeline().pexpiretime(key));
  const expiresAt = BigInt(until ?? GONE);
  return [{ body: expiresAt === GONE ? null : body, expiresAt, isDigest: true }];
}

/**
 * Reads DUMP and expiry of each key in one pipeline. It is not atomic, but the change watch sees a change in between.
 */
export async function readCopies(redis: Redis, keys: readonly Buffer[]): Promise<Copy[]> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.dumpBuffer(key).pexpiretime(key);
  const replies = await repliesOf<Buffer | number | string | null>(pipeline);
  return keys.map((_key, index) => {
    const dump = replies[index * 2] as Buffer | null;
    const expiresAt = BigInt(replies[index * 2 + 1] as number | string);
    // If the key expired between the two reads, it counts as absent. The change watch may learn of the expiry later.
    const there = dump !== null && expiresAt !== GONE;
    return { body: there ? dump.subarray(0, -DUMP_FOOTER_BYTES) : null, expiresAt };
  });
}

/**
 * Splits keys into slices that are small enough to be in memory for both stores. It asks the scratch server for the
 * sizes, so that the live store does not bear the cost.
 */
export async function* slices(scratch: Redis, keys: readonly Buffer[]): AsyncGenerator<Slice> {
  const pipeline = scratch.pipeline();
  for (const key of keys) pipeline.memory('USAGE', key);
  const sizes = await repliesOf<number | null>(pipeline);
  let slice: Buffer[] = [];
  let bytes = 0;
  for (const [index, key] of keys.entries()) {
    const size = sizes[index] ?? 0;
    if (size > LARGE_BYTES) {
      yield { keys: [key], isLarge: true };
      continue;
    }
    if (slice.length > 0 && (slice.length === SLICE_KEYS || bytes + size > SLICE_BYTES)) {
      yield { keys: slice, isLarge: false };
      slice = [];
      bytes = 0;
    }
    slice.push(key);
    bytes += size;
  }
  if (slice.length > 0) yield { keys: slice, isLarge: false };
}

/**
 * Returns the replies of a pipeline.
 *
 * @throws the first error among the replies
 */
export async function repliesOf<T>(pipeline: ReturnType<Redis['pipeline']>): Promise<T[]> {
  const results = (await pipeline.exec()) ?? [];
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply as T;
  });
}
