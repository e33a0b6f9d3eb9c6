import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { bucketOf } from '../domain/bucket.ts';
import type { Keyspace } from '../domain/keyspace.ts';
import type { LedgerEntry } from '../domain/ledger-entry.ts';
import { byteString, keyBytes } from './key-bytes.ts';

/** Where the entry of a key stands: a bucket, small enough to stay a listpack up to 2 M keys a link, and a field. */
export type Place = { readonly bucket: string; readonly field: Buffer };

const OURS = 1;

/** Keys are named by a digest: 96 bits, collision odds at 10⁹ keys about 10⁻¹¹. */
export function placeOf(key: string): Place {
  const digest = hash('sha1', keyBytes(key), 'buffer');
  return { bucket: bucketOf(key).toString(36), field: digest.subarray(0, 12) };
}

/**
 * The ledger holds for each key the states of both sides when they last agreed. An entry stands on the side that
 * was written to, put there in the same atomic step; of two entries the newest stamp counts (design §5 (a)).
 *
 * Entry: stamp 8 bytes (token, counter) · state of the source 16 · state of the target 16 · flags 1 · spelling 2.
 */
export function decodeEntry(bytes: Buffer): LedgerEntry | null {
  if (bytes.length === 0) return null;
  const text = byteString(bytes);
  return {
    stamp: text.slice(0, 8),
    source: text.slice(8, 24),
    target: text.slice(24, 40),
    ours: (bytes.readUInt8(40) & OURS) !== 0,
    spelling: bytes.readUInt16BE(41),
  };
}

/** The part of an entry that says nothing of states. */
export function entryTail(entry: { readonly ours: boolean; readonly spelling: number }): Buffer {
  const tail = Buffer.alloc(3);
  tail.writeUInt8(entry.ours ? OURS : 0, 0);
  tail.writeUInt16BE(entry.spelling, 1);
  return tail;
}

/** Stamps grow with the attempt's token, then with the attempt's own counter. */
export function makeStamps(token: number): () => Buffer {
  let counter = 0;
  return () => {
    const stamp = Buffer.alloc(8);
    stamp.writeUInt32BE(token, 0);
    stamp.writeUInt32BE(++counter >>> 0, 4);
    return stamp;
  };
}

/** The entries that stand on one side for the given source keys; `null` = none there. */
export async function readEntries(
  redis: Redis,
  keyspace: Keyspace,
  link: string,
  sourceKeys: readonly string[],
): Promise<readonly (LedgerEntry | null)[]> {
  const pipeline = redis.pipeline();
  for (const key of sourceKeys) {
    const { bucket, field } = placeOf(key);
    pipeline.hgetBuffer(keyspace.ledger(link, bucket), field);
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error) throw error;
    return value instanceof Buffer ? decodeEntry(value) : null;
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
    entries.push({ field, bytes, entry: decodeEntry(bytes) });
  }
  return entries;
}
