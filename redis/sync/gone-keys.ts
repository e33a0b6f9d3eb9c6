import type { Dataset } from '../../domain/plan.ts';
import { owns } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { keyOfField } from '../ledger.ts';
import type { Attempt } from './attempt.ts';

/** Buckets to be asked for at a time: some 0.3 ms of the server (L14). */
export const BUCKETS_AT_ONCE = 32;

/**
 * Source keys that the ledger on a side speaks of and that do not stand there: a scan of keys does not come to them.
 * If one is gone on both sides its entry has to go, or a key that is created again would lose to an absence of long
 * ago (L2). Long keys are in the ledger by their SHA-1, which names none.
 *
 * @param buckets of the ledger on that side
 */
export async function goneKeys(
  attempt: Attempt,
  datasets: ReadonlySet<Dataset>,
  side: Side,
  buckets: readonly string[],
): Promise<readonly string[]> {
  const found = await Promise.all(buckets.map((bucket) => goneOf(attempt, datasets, side, bucket)));
  return found.flat();
}

async function goneOf(
  { ports, keyMap, shard }: Attempt,
  datasets: ReadonlySet<Dataset>,
  side: Side,
  bucket: string,
): Promise<readonly string[]> {
  const { redis } = ports[side];
  const fields = await redis.hkeysBuffer(keyBytes(bucket));
  const known = fields.flatMap((field) => {
    const key = keyOfField(byteString(field));
    const dataset = key === null ? null : keyMap.owner('source', key);
    if (key === null || !dataset || !datasets.has(dataset) || !owns(shard, key)) return [];
    return [{ key, name: keyBytes(side === 'source' ? key : keyMap.counterpart(dataset, 'source', key)) }];
  });
  // One command where all of them stand, as they mostly do; on a cluster those of a bucket are of one slot.
  const names = known.map(({ name }) => name);
  if (names.length === 0 || (await redis.exists(...names)) === names.length) return [];
  const there = await Promise.all(names.map((name) => redis.exists(name)));
  return known.filter((_one, i) => there[i] === 0).map(({ key }) => key);
}
