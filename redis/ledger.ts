import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { BUCKETS, bucketOf } from '../domain/bucket.ts';
import type { LedgerEntry } from '../domain/ledger-entry.ts';
import { byteString, keyBytes } from './key-bytes.ts';

/** Where the entry of a key stands: a bucket, small enough to stay a listpack up to 2 M keys a link, and a field. */
export type Place = { readonly bucket: string; readonly field: string };

const OURS = 1;

/** A listpack holds fields up to 64 bytes (`hash-max-listpack-value`). */
const LONGEST_FIELD = 64;

/** Where the entry of a source key stands. Parts are byte strings. */
export function placeOf(key: string): Place {
  return { bucket: BUCKET_NAMES[bucketOf(key)] as string, field: fieldOf(key) };
}

const BUCKET_NAMES = Array.from({ length: BUCKETS }, (_empty, bucket) => bucket.toString(36));

/** The key itself, which cannot be mistaken for another; a longer one by its SHA-1 behind a byte of its own. */
function fieldOf(key: string): string {
  if (key.length <= LONGEST_FIELD && !key.startsWith(DIGEST)) return key;
  return DIGEST + byteString(hash('sha1', keyBytes(key), 'buffer'));
}

const DIGEST = '\0';

/** The source key whose entry stands in a field; `null` = a long one, whose name is not kept. */
export function keyOfField(field: string): string | null {
  return field.startsWith(DIGEST) ? null : field;
}

/**
 * The ledger holds for each key the states of both sides when they last agreed. An entry stands on the side that
 * was written to, put there in the same atomic step; of two entries the newest stamp counts (design §5 (a)).
 *
 * Entry: stamp 8 bytes (token, counter) · state of the source 16 · state of the target 16 · flags 1 · spelling 2.
 */
export function decodeEntry(bytes: string): LedgerEntry | null {
  if (bytes === '') return null;
  return {
    stamp: bytes.slice(0, 8),
    source: bytes.slice(8, 24),
    target: bytes.slice(24, 40),
    ours: (bytes.charCodeAt(40) & OURS) !== 0,
    spelling: bytes.charCodeAt(41) * 256 + bytes.charCodeAt(42),
  };
}

/** The part of an entry that says nothing of states. */
export function entryTail({ ours, spelling }: { readonly ours: boolean; readonly spelling: number }): string {
  return String.fromCharCode(ours ? OURS : 0, spelling >> 8, spelling & 0xff);
}

/** Stamps grow with the attempt's token, then with the attempt's own counter. */
export function makeStamps(token: number): () => string {
  let counter = 0;
  const attempt = fourBytes(token);
  return () => attempt + fourBytes(++counter);
}

/** Big-endian, so that stamps compare as bytes. */
function fourBytes(number: number): string {
  return String.fromCharCode(
    (number >>> 24) & 0xff,
    (number >>> 16) & 0xff,
    (number >>> 8) & 0xff,
    number & 0xff,
  );
}

/** The entries that stand on one side, by ledger bucket and field; `null` = none there. */
export async function readEntries(
  redis: Redis,
  places: readonly { readonly ledger: string; readonly field: string }[],
): Promise<readonly (LedgerEntry | null)[]> {
  const pipeline = redis.pipeline();
  for (const { ledger, field } of places) pipeline.hgetBuffer(ledger, keyBytes(field));
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error) throw error;
    return value instanceof Buffer ? decodeEntry(byteString(value)) : null;
  });
}

/** All entries of one bucket, with the bytes as they stand there. */
export async function readRawEntries(
  redis: Redis,
  bucket: string,
): Promise<readonly { field: Buffer; bytes: Buffer; entry: LedgerEntry | null }[]> {
  const pairs = (await redis.callBuffer('HGETALL', [keyBytes(bucket)])) as Buffer[];
  const entries: { field: Buffer; bytes: Buffer; entry: LedgerEntry | null }[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const [field, bytes] = [pairs[i] as Buffer, pairs[i + 1] as Buffer];
    entries.push({ field, bytes, entry: decodeEntry(byteString(bytes)) });
  }
  return entries;
}
