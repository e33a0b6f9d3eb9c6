import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { bucketOf, BUCKETS, slotOf, tagOf } from '../../domain/keys/slot.ts';
import { type LedgerEntry, STATE_BYTES } from '../../domain/protocol/protocol.ts';
import { PLACE_ENTRY_BYTES } from '../../domain/transform/remembered.ts';
import { byteString, keyBytes } from '../client/key-bytes.ts';

/**
 * The place of a key's ledger entry: a hash (`bucket`) and a field in it. The buckets are small enough to stay
 * listpacks up to 2 million keys a link.
 */
export type EntryPlace = { readonly bucket: string; readonly field: string };

const OURS = 1;
const NO_SPELLING = '\0\0';

/** Longest field, bytes. A listpack holds fields up to 64 bytes (`hash-max-listpack-value`). */
const LONGEST_FIELD = 64;

/** Returns the place of a source key's entry. Key, bucket and field are byte strings. */
export function entryPlaceOf(key: string): EntryPlace {
  return { bucket: bucketName(bucketOf(key)), field: fieldOf(key) };
}

/** @param bucket its number, 0 to `BUCKETS` - 1 */
export function bucketName(bucket: number): string {
  return BUCKET_NAMES[bucket] as string;
}

/** The ledger of one link on one side. `slotted` = that side is a cluster. */
export type LedgerOfLink = {
  readonly keyspace: Keyspace;
  readonly link: string;
  readonly slotted: boolean;
};

/**
 * Returns the ledger bucket that holds the entry of a key. On a cluster this is the bucket of the key's slot, because
 * one script writes the key and its entry, and because both must move together when the slot moves.
 *
 * @param name the key's name on that side
 */
export function ledgerFor(
  name: string,
  place: EntryPlace,
  { keyspace, link, slotted }: LedgerOfLink,
): string {
  return keyspace.ledger(link, slotted ? slotBucket(slotOf(name)) : place.bucket);
}

/** Returns the ledger bucket with this number. */
export function ledgerBucket(bucket: number, { keyspace, link, slotted }: LedgerOfLink): string {
  return keyspace.ledger(link, slotted ? slotBucket(bucket) : bucketName(bucket));
}

function slotBucket(slot: number): string {
  return `{${tagOf(slot)}}`;
}

const BUCKET_NAMES = Array.from({ length: BUCKETS }, (_empty, bucket) => bucket.toString(36));

/**
 * The field is the key itself, so no two keys share a field. For a long key, or one that begins with the digest byte,
 * the field is that byte and the key's SHA-1.
 */
function fieldOf(key: string): string {
  if (key.length <= LONGEST_FIELD && !key.startsWith(DIGEST)) return key;
  return DIGEST + byteString(hash('sha1', keyBytes(key), 'buffer'));
}

const DIGEST = '\0';

/** Returns the source key of a field. `null` = the key is a long one, and the field does not contain its name. */
export function keyOfField(field: string): string | null {
  return field.startsWith(DIGEST) ? null : field;
}

/**
 * Decodes a ledger entry. The ledger holds for each key the states of both sides at the moment when they last agreed.
 * An entry is on the side that was written to, because the script writes key and entry in one atomic step. If both
 * sides hold an entry for a key, the one with the newer stamp counts.
 *
 * Format: stamp 8 bytes (token, counter) · state of the source 24 · state of the target 24 · flags 1 · spelling 2, or
 * more if a value spells its names in several ways (`domain/transform/remembered.ts`).
 *
 * @param bytes byte string; '' = there is no entry
 * @throws LedgerOfOtherRelease the bytes do not have this format
 */
export function decodeEntry(bytes: string): LedgerEntry | null {
  if (bytes === '') return null;
  if (bytes.length < LEAST_BYTES || (bytes.length - LEAST_BYTES) % PLACE_ENTRY_BYTES !== 0)
    throw new LedgerOfOtherRelease();
  const spelling = bytes.slice(TAIL_AT + 1);
  return {
    stamp: bytes.slice(0, SOURCE_AT),
    source: bytes.slice(SOURCE_AT, TARGET_AT),
    target: bytes.slice(TARGET_AT, TAIL_AT),
    ours: (bytes.charCodeAt(TAIL_AT) & OURS) !== 0,
    spelling: spelling === NO_SPELLING ? '' : spelling,
  };
}

const SOURCE_AT = 8;
const TARGET_AT = SOURCE_AT + STATE_BYTES;
const TAIL_AT = TARGET_AT + STATE_BYTES;
const LEAST_BYTES = TAIL_AT + 1 + NO_SPELLING.length;

/**
 * Another release of jday wrote the ledger, and its states cannot be compared with ours. If we treated the entry as
 * missing, the sync would bring deleted keys back.
 */
export class LedgerOfOtherRelease extends Error {
  override readonly name = 'LedgerOfOtherRelease';
  constructor() {
    super(
      'the ledger was written by another release of jday: end or abort this migration with the release that began it',
    );
  }
}

/** Returns the last part of an entry: flags and spelling. */
export function entryTail({ ours, spelling }: { readonly ours: boolean; readonly spelling: string }): string {
  return String.fromCharCode(ours ? OURS : 0) + (spelling || NO_SPELLING);
}

/**
 * Returns a function that gives the next stamp: 8 bytes, first the attempt's token, then a counter of the attempt. So
 * each stamp of a later attempt is greater than all stamps of earlier attempts.
 */
export function makeStamps(token: number): () => string {
  let counter = 0;
  const attempt = fourBytes(token);
  return () => attempt + fourBytes(++counter);
}

/** Big-endian, so that stamps can be compared as bytes. */
function fourBytes(number: number): string {
  return String.fromCharCode(
    (number >>> 24) & 0xff,
    (number >>> 16) & 0xff,
    (number >>> 8) & 0xff,
    number & 0xff,
  );
}

/** Reads entries of one side by ledger bucket and field. `null` = there is no entry. */
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

/** Reads all entries of one bucket, decoded and as the stored bytes. */
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
