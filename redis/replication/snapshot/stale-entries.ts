import type { Redis } from 'ioredis';
import { owns } from '../../../domain/keys/shard.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import { byteString, chunksOf, keyBytes } from '../../client/key-bytes.ts';
import { RoutedRedis } from '../../client/cluster-client.ts';
import { keyOfField, ledgerBucket } from '../../state/ledger.ts';
import { type Attempt, takesPart } from '../attempt/attempt.ts';
import { onNodes } from '../store/store-port.ts';
import { setTimeout as delay } from 'node:timers/promises';
import { BUCKETS } from '../../../domain/keys/slot.ts';
import { makeRateLimiter, type RateLimiter } from '../../client/rate-limiter.ts';
import { processBatch } from '../attempt/apply-loop.ts';
import type { BornLive } from '../reconcile/step-decision.ts';
import { isRefusedKey } from '../store/failure-kinds.ts';

/** Called with the work of a server, measured in names of keys. Resolves when the caller may ask for more. */
type Paced = (asked: number) => Promise<unknown>;

/** Price of a call about empty buckets, in names. It sets the pace of the walk over a small ledger. */
const CALL_COSTS = 64;
/** The most fields that one call names. They take about 0.5 ms of server time. */
const MOST_NAMED = 2_000;
/** Fields of a larger bucket in one HSCAN. On a cluster a bucket is a slot, and one busy tag can fill it. */
const FIELDS_AT_ONCE = 500;
/** Names in one EXISTS. */
const NAMES_AT_ONCE = 64;

/**
 * Finds the source keys that have a ledger entry on a side and do not exist there. A scan of keys does not meet them.
 * When such a key is gone on both sides, its entry has to go too. Otherwise an app that creates the key again would
 * lose its write to that old absence. The ledger names a long key only by its SHA-1, so this function cannot check long
 * keys. It also counts the shard's entries.
 *
 * @param buckets numbers of the buckets
 */
export async function goneKeys(
  attempt: Attempt,
  side: Side,
  buckets: readonly number[],
  paid: Paced,
): Promise<readonly string[]> {
  const { ports, keyspace, link } = attempt;
  const { redis } = ports[side];
  const ledger = { keyspace, link: link.name, slotted: redis instanceof RoutedRedis };
  const named = buckets.map((bucket) => ({ bucket, name: ledgerBucket(bucket, ledger) }));
  const gone = await onNodes(ports[side], named, async ({ run }, mine) => {
    const gone: (readonly string[])[] = mine.map(() => []);
    for (const { bucket } of mine) attempt.ledgerSize.found(side, bucket, 0);
    for (let from = 0; from < mine.length; ) {
      const names = mine.slice(from).map(({ name }) => name);
      const reply = await run('fields', names, [String(MOST_NAMED)], true);
      const [cameBy, found] = reply as [number, [number, Buffer[]][]];
      await paid(CALL_COSTS);
      const told = found.map(([number, fields]) => ({ at: from + number - 1, fields }));
      const small = told.filter(({ fields }) => fields.length > 0);
      const keys = small.map(({ at, fields }) => {
        const { bucket } = mine[at] as Bucket;
        const { entries, keys } = counted(attempt, bucket, fields);
        attempt.ledgerSize.found(side, bucket, entries);
        return keys;
      });
      // One EXISTS takes names of several buckets. On a cluster it may not, because they are in several slots.
      const together = redis instanceof RoutedRedis ? keys : [keys.flat()];
      const looked = together.map((some) => notThere(attempt, side, some, paid));
      const large = told.filter(({ fields }) => fields.length === 0);
      const walked = large.map(({ at }) => goneOfLarge(attempt, side, mine[at] as Bucket, paid));
      gone[from] = (await Promise.all([...looked, ...walked])).flat();
      from += cameBy;
    }
    return gone;
  });
  return gone.flat();
}

type Bucket = { readonly bucket: number; readonly name: string };

/** The same for a bucket with more fields than one call may name. HSCAN can return a field twice. */
async function goneOfLarge(
  attempt: Attempt,
  side: Side,
  { bucket, name }: Bucket,
  paid: Paced,
): Promise<readonly string[]> {
  const gone = new Set<string>();
  let entries = 0;
  for await (const fields of piecesOf(attempt.ports[side].redis, name)) {
    const found = counted(attempt, bucket, fields);
    entries += found.entries;
    for (const key of await notThere(attempt, side, found.keys, paid)) gone.add(key);
  }
  attempt.ledgerSize.found(side, bucket, entries);
  return [...gone];
}

async function* piecesOf(redis: Redis, name: string): AsyncGenerator<readonly Buffer[]> {
  let cursor = '0';
  do {
    const [next, flat] = await redis.hscanBuffer(name, cursor, 'COUNT', FIELDS_AT_ONCE);
    cursor = String(next);
    yield flat.filter((_bytes, i) => i % 2 === 0);
  } while (cursor !== '0');
}

/** The keys of the shard among these fields, and the number of the shard's entries. */
function counted({ shard }: Attempt, bucket: number, fields: readonly Buffer[]) {
  const all = fields.map((field) => keyOfField(byteString(field)));
  // On a cluster a bucket holds keys of all shards. Only one shard counts its long keys, whose names are unknown.
  const long = bucket % shard.of === shard.index ? all.filter((key) => key === null).length : 0;
  const keys = all.filter((key) => key !== null).filter((key) => owns(shard, key));
  return { entries: long + keys.length, keys };
}

async function notThere(
  attempt: Attempt,
  side: Side,
  keys: readonly string[],
  paid: Paced,
): Promise<readonly string[]> {
  const { keyMap, ports } = attempt;
  const { redis } = ports[side];
  const known = keys.flatMap((key) => {
    const located = keyMap.locate(key);
    if (!located || !takesPart(attempt, located.dataset)) return [];
    return [{ key, there: keyBytes(located.names[side]) }];
  });
  const looked = chunksOf(known, NAMES_AT_ONCE).map(async (some) => {
    // Usually all keys exist, and then one command is enough.
    const there = some.map((one) => one.there);
    const standing = await redis.exists(...there);
    await paid(there.length);
    if (standing === there.length) return [];
    const found = await Promise.all(there.map((one) => redis.exists(one)));
    await paid(there.length);
    return some.filter((_one, i) => found[i] === 0).map(({ key }) => key);
  });
  return (await Promise.all(looked)).flat();
}

/**
 * The most buckets in one call. About empty buckets it takes 0.12 ms of server time. A call ends earlier when they hold
 * many entries (redis/scripts/fields.lua).
 */
const BUCKETS_AT_ONCE = 256;
/** Names per second that a walk asks a side about; a call counts as 64. It takes about 4 ms of server time a second. */
const ASKED_PER_SECOND = 2_000;
/** The same for the first walk. An empty ledger takes one second then, so a new attempt does not wait long for it. */
const QUICK_PER_SECOND = 10_000;
/** Rest between two walks, ms. Without it a small ledger would be walked over all the time. */
const REST_MS = 2_000;
const STANDS_STILL_MS = 20;

/**
 * Walks over the ledger again and again, for as long as the attempt lives. It counts the entries, and it has those keys
 * read again that have an entry and do not exist. When a key is gone on both sides, the sync forgets its entry, with
 * the same read and the same compare-and-set as for any change. So no entry outlives its key for ever.
 *
 * The first walk is quick. Some keys may have been deleted on both sides while no sync ran. The sync has to forget them
 * before an app creates one of them again: otherwise that app's write would lose to the old absence. The later walks
 * are slow.
 */
export async function walkLedger(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const quick = makeRateLimiter(() => QUICK_PER_SECOND);
  const slow = makeRateLimiter(() => ASKED_PER_SECOND);
  for (let pace = quick; !signal.aborted; pace = slow) {
    await walkOnce(attempt, bornLive, pace, signal);
    await delay(REST_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function walkOnce(
  attempt: Attempt,
  bornLive: BornLive,
  pace: RateLimiter,
  signal: AbortSignal,
): Promise<void> {
  const paid = async (asked: number) => {
    await pace(asked, signal);
    await rested(attempt, signal);
  };
  for (const side of ['target', 'source'] as const)
    for (const buckets of chunksOf(bucketsOf(attempt), BUCKETS_AT_ONCE)) {
      await rested(attempt, signal);
      if (signal.aborted) return;
      const gone = await goneKeys(attempt, side, buckets, paid).catch((error: unknown) => {
        // The server refused to answer for a key, so the key may exist. Unknown must not count as absent.
        if (signal.aborted || isRefusedKey(error)) return [];
        throw error;
      });
      await lookAtAll(attempt, bornLive, gone, signal);
    }
  attempt.ledgerSize.walked();
}

async function lookAtAll(
  attempt: Attempt,
  bornLive: BornLive,
  gone: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const keys of chunksOf(gone, attempt.batch.keys)) {
    // Reading a full bucket takes long, and a pause may have begun meanwhile.
    await rested(attempt, signal);
    if (signal.aborted) return;
    await processBatch(attempt, attempt.dirty.checkOut(keys, performance.now()), 'change', bornLive, signal);
  }
}

async function rested(attempt: Attempt, signal: AbortSignal): Promise<void> {
  while (mustRest(attempt) && !signal.aborted)
    await delay(STANDS_STILL_MS, undefined, { signal }).catch(() => undefined);
}

/**
 * Returns true when the walk has to rest:
 *
 * - during a drain, because apps wait for its end,
 * - during a pause, because a write of ours would wait, and all others behind it,
 * - while the impact on the apps is measured, or the brake stops our work,
 * - while a side is suspect, because keys that are gone there may come back.
 */
function mustRest({ control, breaker, draining }: Attempt): boolean {
  return draining || control.paused !== null || control.held || control.brake.share === 0 || breaker.open;
}

/** Numbers of the buckets that may hold entries of the shard; on a cluster all of them, because they go by slot. */
function bucketsOf({ ports, shard }: Attempt): readonly number[] {
  const all = Array.from({ length: BUCKETS }, (_empty, bucket) => bucket);
  const bySlot = ports.source.redis instanceof RoutedRedis || ports.target.redis instanceof RoutedRedis;
  return bySlot ? all : all.filter((bucket) => bucket % shard.of === shard.index);
}
