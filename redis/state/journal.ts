import type { Redis } from 'ioredis';
import { RoutedRedis } from '../client/cluster-client.ts';
import { scanNames } from '../client/scan.ts';

/**
 * This byte, after the expiry, marks a record of the journal or a pre-image whose value is under a key of its own
 * (redis/scripts/swap.lua).
 */
const KEPT = 0xff;

/** A field of the journal begins with the stamp of its write: 8 bytes, which sort by age. The key follows. */
export const STAMP_BYTES = 8;

/** Returns the key of ours that holds a record's value. `null` = the record holds it itself, as DUMP. */
export function keptKey(record: Buffer): Buffer | null {
  return record[8] === KEPT ? record.subarray(9) : null;
}

/**
 * Returns the keys of a hash of ours that is written beside the keys which it describes. On a cluster there is one for
 * each node that there ever was.
 */
export async function hashesOf(redis: Redis, key: string): Promise<readonly string[]> {
  if (!(redis instanceof RoutedRedis)) return [key];
  const found = new Set<string>();
  for await (const names of scanNames(redis, `${key}:{*}`)) for (const name of names) found.add(name);
  return [...found];
}

/** One record of a hash of ours: its field, and what the field holds. */
export type HashRecord = readonly [field: Buffer, record: Buffer];

/** Records of one answer. Each is at most 128 KiB, so an answer stays within some megabytes. */
const RECORDS_AT_ONCE = '16';

/** Yields the records of a hash, some at a time. A record may come twice, unless it was deleted in between. */
export async function* recordsOf(redis: Redis, hash: string): AsyncGenerator<readonly HashRecord[]> {
  let cursor = '0';
  do {
    const args = [hash, cursor, 'COUNT', RECORDS_AT_ONCE];
    const [next, pairs] = (await redis.callBuffer('HSCAN', args)) as [Buffer, Buffer[]];
    cursor = next.toString();
    const records: HashRecord[] = [];
    for (let i = 0; i + 1 < pairs.length; i += 2) records.push([pairs[i] as Buffer, pairs[i + 1] as Buffer]);
    yield records;
  } while (cursor !== '0');
}
