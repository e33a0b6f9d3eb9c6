import { setTimeout as delay } from 'node:timers/promises';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { type Attempt, currentAuthority } from './attempt.ts';
import type { DirtyKey } from '../reconcile/dirty-set.ts';
import { InFlight } from './in-flight.ts';
import { isRefusedKey, whyOf } from '../store/failure-kinds.ts';
import { type ReadMode, reconcile } from '../reconcile/reconciler.ts';
import { type BornLive, closedSide, type KeyOutcome } from '../reconcile/step-decision.ts';

/**
 * Names under which the heartbeat of a side waits in the queue of changes. A heartbeat takes the same way as a change,
 * so the measured lag covers the whole way.
 */
export const BEAT: Readonly<Record<Side, string>> = { source: '\0beat:source', target: '\0beat:target' };

/**
 * Batches that are read at the same time while at least one full batch waits. The servers then read one batch while the
 * worker decides on the other.
 */
const LANES = 2;

/**
 * Replicates changes, batch by batch. The loop waits until one key has changed and then takes every key that waits, up
 * to one batch. So a single change leaves at once, and under load the keys go in batches. While the writes of one batch
 * are in flight, the loop reads the next batch; both share the calls to a server
 * (redis/replication/store/script-batcher.ts).
 */
export async function applyLoop(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  const reading = new InFlight();
  const handling = new InFlight();
  while (!signal.aborted) {
    if (failures.length === 0) await attempt.dirty.wakened('changes');
    if (failures.length > 0) throw failures[0];
    const works = attempt.dirty.take(attempt.batch.keys);
    if (works.length === 0) continue;
    // Resolves when the batch is read and its writes are in flight: from then on the next batch may be read.
    let inFlight = (): void => undefined;
    const onTheirWay = new Promise<void>((resolve) => {
      inFlight = resolve;
    });
    const batch = processBatch(attempt, works, 'change', bornLive, signal, inFlight).finally(inFlight);
    batch.catch((error: unknown) => {
      failures.push(error);
      // The loop may be waiting for a change. This wakes it, so that it throws the failure.
      attempt.dirty.wake();
    });
    const most = attempt.dirty.waiting >= attempt.batch.keys ? LANES : 1;
    await reading.add(onTheirWay, most);
    await handling.add(batch, 2 * most);
  }
  await handling.ended();
}

/**
 * Reconciles a batch of checked-out keys and gives each key back with its outcome. Heartbeats in the batch are carried
 * to the other side. If a write was refused because the authority had moved, the authority is read again.
 *
 * @param inFlight called when the writes of the batch are in flight
 */
export async function processBatch(
  attempt: Attempt,
  works: readonly DirtyKey[],
  mode: ReadMode,
  bornLive: BornLive,
  signal: AbortSignal,
  inFlight?: () => void,
): Promise<void> {
  const beats = works.filter((work) => work.key === BEAT.source || work.key === BEAT.target);
  const keys = works.filter((work) => !beats.includes(work));
  attempt.batch.looked(keys.length);
  const outcomes = await reconcileEach(attempt, bornLive, keys, mode, inFlight);
  for (const [i, work] of keys.entries()) completeKey(attempt, work, mode, outcomes[i] as KeyOutcome);
  for (const beat of beats) await carryBeat(attempt, beat);
  await refreshAuthority(attempt, outcomes, signal);
}

/**
 * Does the same as `reconcile`, but the failure of one key concerns that key alone. The other keys of its batch are
 * reconciled without it, and the key is named in quarantine when it fails again and again. Otherwise one such key would
 * end every attempt, and no change would travel any more.
 *
 * If many keys in a row fail and none succeeds in between, the server has failed and not the keys. Then no key is
 * blamed, and the attempt ends.
 */
async function reconcileEach(
  attempt: Attempt,
  bornLive: BornLive,
  keys: readonly DirtyKey[],
  mode: ReadMode,
  inFlight?: () => void,
): Promise<readonly KeyOutcome[]> {
  const results = await isolateFailures(attempt, bornLive, keys, mode, inFlight);
  const failures = results.filter((result) => 'failure' in result);
  const [first] = failures;
  const toBlame = attempt.failing.areToBlame(failures.length, keys.length);
  if (first && !toBlame) throw first.failure;
  const outcomes: KeyOutcome[] = [];
  for (const [i, result] of results.entries()) {
    const { key } = keys[i] as DirtyKey;
    outcomes.push('failure' in result ? await afterFailure(attempt, key, result) : result);
    if ('kind' in result && !OPEN.has(result.kind)) attempt.failing.succeeded(key);
  }
  return outcomes;
}

/** Outcomes after which the key is not finished. They do not end a row of failures. */
const OPEN: ReadonlySet<KeyOutcome['kind']> = new Set(['again', 'epoch', 'large', 'failed']);

type Failure = { readonly failure: unknown };

/**
 * Reconciles a batch and finds the keys that fail: it halves a failing batch until each such key stands alone. A key
 * that was carried before the failure keeps its outcome.
 */
async function isolateFailures(
  attempt: Attempt,
  bornLive: BornLive,
  keys: readonly DirtyKey[],
  mode: ReadMode,
  inFlight?: () => void,
): Promise<readonly (KeyOutcome | Failure)[]> {
  const landed = new Map<DirtyKey, KeyOutcome>();
  try {
    const outcomes = await reconcile(attempt, bornLive, keys, mode, { landed, inFlight });
    for (const [i, { key }] of keys.entries())
      if (outcomes[i]?.kind === 'same' && attempt.quarantine.holds(key)) await attempt.quarantine.agreed(key);
    return outcomes;
  } catch (error) {
    if (!isRefusedKey(error) || keys.length === 0) throw error;
    const open = keys.filter((work) => !landed.has(work));
    // A call that failed half-way may have written some keys, and its answer is lost. So list all open keys as carried:
    // the check under the fence then compares them.
    for (const { key } of open) attempt.recent.add(key);
    const half = Math.ceil(open.length / 2);
    const parts = keys.length === 1 ? [] : [open.slice(0, half), open.slice(half)];
    const results = new Map<DirtyKey, KeyOutcome | Failure>(landed);
    for (const part of parts.filter(({ length }) => length > 0))
      for (const [i, result] of (await isolateFailures(attempt, bornLive, part, mode, inFlight)).entries())
        results.set(part[i] as DirtyKey, result);
    return keys.map((work) => results.get(work) ?? { failure: error });
  }
}

/**
 * Counts the failure of a key. The key is tried again after a short rest (`failed`); after three failures in a row it
 * is named in quarantine. The failure of a key that no dataset owns is thrown.
 */
async function afterFailure(attempt: Attempt, key: string, { failure }: Failure): Promise<KeyOutcome> {
  const dataset = attempt.keyMap.owner('source', key);
  if (!dataset) throw failure;
  if (!attempt.failing.failed(key, performance.now())) return { kind: 'failed' };
  await attempt.quarantine.name(key, attempt.authority.side, dataset.name, whyOf(failure));
  return { kind: 'quarantined' };
}

/**
 * Reads the authority again if a server refused a write because of its epoch. A switch may be running right now, and
 * the records of the two sides differ for a moment, so this waits 5 ms first.
 */
export async function refreshAuthority(
  attempt: Attempt,
  outcomes: readonly KeyOutcome[],
  signal: AbortSignal,
): Promise<void> {
  if (!outcomes.some((outcome) => outcome.kind === 'epoch')) return;
  await delay(5, undefined, { signal }).catch(() => undefined);
  attempt.authority = await currentAuthority(attempt.ports);
}

/**
 * Counts the outcome of a key and gives the key back to the dirty set. A large key and a key that failed are not given
 * back yet: they stay checked out until the large-key loop or the next try has finished them.
 */
export function completeKey(attempt: Attempt, work: DirtyKey, mode: ReadMode, outcome: KeyOutcome): void {
  if (outcome.kind === 'large') return attempt.large.add(work, mode);
  if (outcome.kind === 'failed') return attempt.failing.rest(work, mode);
  const nowMs = performance.now();
  if (mode !== 'mend' && 'stray' in outcome && outcome.stray) attempt.counters.strays++;
  if (outcome.kind === 'carried') {
    const since = work.since[otherSide(outcome.to)];
    if (since !== undefined) attempt.counters.arrived(outcome.to, nowMs - since, nowMs);
    attempt.counters.carried[outcome.to]++;
    attempt.recent.add(work.key);
    attempt.dirty.expectEcho(work.key, outcome.to);
    if (outcome.conflict) attempt.counters.conflicts++;
    if (mode === 'mend') attempt.counters.repaired++;
  }
  if (outcome.kind === 'parked') return attempt.dirty.park(work, outcome.until ?? null, nowMs);
  const again = outcome.kind === 'again' || outcome.kind === 'epoch';
  // Our write found the key changed. An earlier write of ours may have changed it, whose answer was lost with its call.
  // So list the key as carried.
  if (again) attempt.recent.add(work.key);
  attempt.dirty.complete(work, again ? 'again' : 'done', nowMs);
}

/** Writes the arrival of a heartbeat on the other side and records the lag. Nothing is written to a closed side. */
async function carryBeat(attempt: Attempt, beat: DirtyKey): Promise<void> {
  const from: Side = beat.key === BEAT.source ? 'source' : 'target';
  const to = otherSide(from);
  const nowMs = performance.now();
  attempt.dirty.complete(beat, 'done', nowMs);
  if (closedSide(attempt, to)) return;
  await attempt.lines[to].data.set(attempt.keyspace.arrival(attempt.shard.name, from), String(nowMs));
  attempt.counters.arrived(to, performance.now() - (beat.since[from] ?? nowMs), nowMs);
}

/**
 * Tries failing keys again when their time has come, because the connection or the server may have recovered. Each key
 * is tried alone, because of a batch in which many keys fail `reconcileEach` may think that the server has failed.
 */
export async function retryFailing(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  const { dirty, failing, keyMap, quarantine, baselineKnown } = attempt;
  failing.inherit(quarantine.failed, performance.now());
  // While the baseline keys of a dataset are not known, its keys in quarantine have to wait. In mode `change` a
  // baseline key would travel to the source.
  const isBaselineKnown = (key: string) => {
    const dataset = keyMap.owner('source', key);
    return dataset === null || baselineKnown.has(dataset.name);
  };
  while (!signal.aborted) {
    for (const { key, resting } of failing.due(performance.now(), isBaselineKnown)) {
      const works = resting ? [resting.work] : dirty.checkOut([key], performance.now());
      if (works.length === 0) continue;
      await processBatch(attempt, works, resting?.mode ?? 'change', bornLive, signal);
      failing.tried(key);
      if (signal.aborted) return;
    }
    await failing.awaitDue(performance.now(), signal);
  }
}
