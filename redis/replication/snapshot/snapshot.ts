import { setTimeout as delay } from 'node:timers/promises';
import type { Dataset, Side } from '../../../domain/plan/plan.ts';
import { owns } from '../../../domain/keys/shard.ts';
import { brakeWords } from '../../../domain/gates/brake.ts';
import { makeRateLimiter, type RateLimiter } from '../../client/rate-limiter.ts';
import { scanNames } from '../../client/scan.ts';
import { type Attempt, takesPart } from '../attempt/attempt.ts';
import { processBatch } from '../attempt/apply-loop.ts';
import type { BornLive } from '../reconcile/step-decision.ts';
import { InFlight } from '../attempt/in-flight.ts';
import { closeResolvedBreaker } from '../attempt/watermark-writer.ts';
import { boundsOf } from '../feed/copy-throttle.ts';
import { BaselineKeys } from '../reconcile/baseline-keys.ts';
import { dropBaselineRecord, readBaseline } from './baseline.ts';
import type { ReadMode } from '../reconcile/reconciler.ts';
import { bytesMoved } from '../store/connections.ts';
import { chunksOf, keyBytes } from '../../client/key-bytes.ts';
import type { SidePort } from '../store/store-port.ts';

const SCAN_COUNT = 512;
/** Rest before the next look for datasets to scan, ms. */
const REST_MS = 100;
/** The same while the circuit breaker has something to resolve, because keys wait for that. */
const UNRESOLVED_REST_MS = 20;
/** The most batches of the copy in flight, so that neither the servers nor the worker wait for each other. */
const MOST_IN_FLIGHT = 6;
/** The copy gives way while more changes wait than this. Changes go first; two batches of them may wait. */
const MOST_WAITING = 128;
/**
 * The copy also gives way while more echoes of its own writes wait than this. The echo loop must not fall behind for
 * ever.
 */
const MOST_ECHOES = 4_096;
/**
 * Longest time that the copy gives way in one round, ms. Otherwise hot keys could keep all other keys from the copy.
 */
const MOST_GIVEN_WAY_MS = 500;

/**
 * Reads every key of the datasets that take part. On an empty target this is the initial copy. After a restart it
 * compares the keys with the ledger again. Both cases run the same code. The scan begins with the target, which holds
 * few keys at the beginning.
 */
export async function scan(
  attempt: Attempt,
  touched: Set<string>,
  bornLive: BornLive,
  barrier: (side: Side) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const paces = {
    byKeys: makeRateLimiter(() => boundsOf(attempt).copyKeysPerSecond),
    byBytes: makeRateLimiter(() => boundsOf(attempt).copyBytesPerSecond),
  };
  while (!signal.aborted) {
    if (attempt.breaker.takeRescan()) for (const { name } of attempt.link.datasets) attempt.toScan.add(name);
    const datasets = attempt.link.datasets.filter(
      (dataset) => attempt.toScan.has(dataset.name) && takesPart(attempt, dataset),
    );
    if (datasets.length > 0)
      await scanDatasets({
        attempt,
        bornLive,
        signal,
        paces,
        datasets: new Set(datasets),
        flight: new InFlight(),
      });
    else {
      touched.clear();
      attempt.throttled = slowedByImpact(attempt);
      await closeResolvedBreaker(attempt, barrier);
      const restMs = attempt.breaker.unresolved ? UNRESOLVED_REST_MS : REST_MS;
      await delay(restMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

type Pass = {
  readonly attempt: Attempt;
  readonly bornLive: BornLive;
  readonly signal: AbortSignal;
  readonly paces: { readonly byKeys: RateLimiter; readonly byBytes: RateLimiter };
  readonly datasets: ReadonlySet<Dataset>;
  readonly flight: InFlight;
};

/**
 * Walks once over the keys of each side, for all datasets together, because a SCAN with MATCH would walk over all keys
 * for each pattern.
 *
 * Datasets whose baseline keys are not known go in a pass of their own. For the others the feed no longer records which
 * keys apps write on the target, so in such a pass a new key of theirs would be taken for a baseline key.
 */
async function scanDatasets(whole: Pass): Promise<void> {
  const { attempt } = whole;
  const adopted = attempt.keyspace.adopted(attempt.shard.name);
  const known = new Set(await attempt.ports.target.redis.smembers(adopted));
  const fresh = [...whole.datasets].filter(({ name }) => !known.has(name));
  const mode = fresh.length === 0 ? 'change' : 'adopt';
  const pass = mode === 'change' ? whole : { ...whole, datasets: new Set(fresh) };
  const names = [...pass.datasets].map(({ name }) => name);
  for (const name of names) attempt.toScan.delete(name);
  if (mode === 'adopt')
    attempt.baseline = await readBaseline(attempt, names, pass.bornLive, paced(pass, 'target'), pass.signal);
  await attempt.reached?.('scan target');
  await scanSide(pass, 'target', mode);
  // Large and failing keys may still wait for the decision whether they are baseline keys. It needs the live writes
  // that the feed records, so `baselineKnown` gets the datasets only after it.
  while (attempt.large.adopting + attempt.failing.adopting > 0 && !pass.signal.aborted)
    await delay(10, undefined, { signal: pass.signal }).catch(() => undefined);
  if (mode === 'adopt') {
    // The target holds this set, and the source a copy of it, for the case that the target comes back without it.
    for (const side of ['target', 'source'] as const) await attempt.guards[side]('SADD', adopted, ...names);
    await dropBaselineRecord(attempt);
    attempt.baseline = BaselineKeys.NONE;
  }
  for (const name of names) attempt.baselineKnown.add(name);
  await attempt.reached?.('datasets adopted');
  await attempt.reached?.('scan source');
  await scanSide(pass, 'source', mode === 'adopt' ? 'copy' : 'scan');
  if (pass.signal.aborted) return;
  for (const name of names) {
    attempt.joined.add(name);
    attempt.notRescanned.delete(name);
  }
  await attempt.reached?.('scanned');
}

async function scanSide(pass: Pass, side: Side, mode: ReadMode): Promise<void> {
  for await (const names of namesOn(pass, side)) {
    const keys = keysOf(pass, side, names);
    await look(pass, mode, mode === 'scan' ? await unmet(pass, keys) : keys);
    if (side === 'source') pass.attempt.counters.copied += keys.length;
  }
  await pass.flight.landed();
}

/**
 * The keys that the walk over the target did not read. A key that stood on the target then was read on both sides. A
 * key that came there later raised an event, because the feed has run since before that walk.
 */
async function unmet({ attempt }: Pass, keys: readonly string[]): Promise<readonly string[]> {
  const names = keys.map((key) => attempt.keyMap.locate(key)?.names.target ?? key);
  const absent = await absentThere(attempt.ports.target, names);
  return keys.filter((_key, i) => absent.has(names[i] as string));
}

async function* namesOn({ attempt, signal }: Pass, side: Side): AsyncIterable<readonly string[]> {
  for await (const names of scanNames(attempt.ports[side].redis, '*', SCAN_COUNT)) {
    if (signal.aborted) return;
    yield names;
  }
}

/** The source keys of these names, without those that this scan or this shard does not cover. */
function keysOf({ attempt, datasets }: Pass, side: Side, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const dataset = attempt.keyMap.owner(side, name);
    if (!dataset || !datasets.has(dataset)) return [];
    const key = side === 'source' ? name : attempt.keyMap.counterpart(dataset, side, name);
    return owns(attempt.shard, key) ? [key] : [];
  });
}

/** Yields the same keys batch by batch, at the pace of the copy, so that the apps do not feel it. */
async function* paced(pass: Pass, side: Side): AsyncIterable<readonly string[]> {
  for await (const names of namesOn(pass, side)) {
    const keys = keysOf(pass, side, names);
    const before = bytesMoved(pass.attempt.lines);
    yield keys;
    await rest(pass, keys.length, bytesMoved(pass.attempt.lines) - before);
  }
}

async function look(pass: Pass, mode: ReadMode, keys: readonly string[]): Promise<void> {
  const { attempt, flight } = pass;
  const before = bytesMoved(attempt.lines);
  await handleAll(pass, mode, keys);
  // The bytes of a batch are known once its writes are done. Without a bound on bytes the copy does not wait for them.
  if (boundsOf(attempt).copyBytesPerSecond > 0) await flight.landed();
  await rest(pass, keys.length, bytesMoved(attempt.lines) - before);
}

async function handleAll(pass: Pass, mode: ReadMode, keys: readonly string[]): Promise<void> {
  const { attempt, bornLive, signal, flight } = pass;
  const works = attempt.dirty.checkOut(keys, performance.now());
  const size = attempt.batch.keys;
  for (let i = 0; i < works.length; i += size)
    await flight.add(processBatch(attempt, works.slice(i, i + size), mode, bornLive, signal), MOST_IN_FLIGHT);
}

/**
 * Waits until the copy is within its bounds. The bytes of changes that were carried meanwhile count too: changes go
 * first, and the copy uses the rest.
 */
async function rest({ attempt, paces, signal }: Pass, keys: number, bytes: number): Promise<void> {
  const atBound = (why: string) => () => {
    attempt.throttled = slowedByImpact(attempt) ?? why;
  };
  const byKeys = await paces.byKeys(keys, signal, atBound('copy: at its keys per second')).catch(() => false);
  const byBytes = await paces
    .byBytes(bytes, signal, atBound('copy: at its bytes per second'))
    .catch(() => false);
  if (!byKeys && !byBytes) attempt.throttled = slowedByImpact(attempt);
  const untilMs = performance.now() + MOST_GIVEN_WAY_MS;
  for (
    let why = standsStill(attempt, untilMs);
    why !== null && !signal.aborted;
    why = standsStill(attempt, untilMs)
  ) {
    attempt.throttled = why;
    await delay(10, undefined, { signal }).catch(() => undefined);
  }
}

function standsStill(attempt: Attempt, givesWayUntilMs: number): string | null {
  if (attempt.control.held) return 'copy: rests while the impact is measured';
  if (attempt.control.brake.share === 0) return slowedByImpact(attempt);
  const { waiting, echoes } = attempt.dirty;
  const busy = waiting > MOST_WAITING || echoes > MOST_ECHOES;
  return busy && performance.now() < givesWayUntilMs ? 'copy: changes go first' : null;
}

function slowedByImpact({ control }: Attempt): string | null {
  const words = brakeWords(control.brake);
  return words && `copy and verification ${words}`;
}

/** Keys (byte strings) of one EXISTS, which takes about 30 µs. */
const AT_ONCE = 64;

/**
 * Returns the names that a side may lack: all names of each group in which at least one is missing. On a cluster it
 * returns all names, because a node refuses one EXISTS for several slots.
 */
async function absentThere(port: SidePort, names: readonly string[]): Promise<ReadonlySet<string>> {
  if (port.nodes.length > 1 || port.nodes[0]?.tag !== '') return new Set(names);
  const groups = chunksOf(names, AT_ONCE);
  const pipeline = port.redis.pipeline();
  for (const group of groups) pipeline.exists(...group.map(keyBytes));
  const found = ((await pipeline.exec()) ?? []).map(([error, count]) => {
    if (error) throw error;
    return count;
  });
  return new Set(groups.filter((group, i) => found[i] !== group.length).flat());
}
