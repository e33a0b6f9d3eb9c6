import { setTimeout as delay } from 'node:timers/promises';
import type { VerifyStatus } from '../../domain/gates/status.ts';
import { makeVerifyPace, shareOfBounds, type VerifyBounds, type VerifyPace } from './pace.ts';
import { reportNow, reportRegularly } from './report.ts';
import { type CensusLines, makeSessionSweep, withCensus } from './session-census.ts';
import { Sweep, type SweepOptions } from './sweep.ts';
import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import type { Link } from '../../domain/plan/plan.ts';
import { owns, shardsOf } from '../../domain/keys/shard.ts';
import { keyBytes } from '../client/key-bytes.ts';
import { runTogether } from '../client/task-group.ts';

export type VerifyOptions = Omit<SweepOptions, 'only' | 'walk'> & {
  readonly bounds: VerifyBounds;
  /** Connections of the census of sessions. Links without sessions need none. */
  readonly census?: CensusLines;
  /**
   * Shortest time from the start of one pass to the start of the next, ms. With little data the verifier would
   * otherwise run passes without a pause.
   *
   * @default MIN_PASS_MS
   */
  readonly minPassMs?: number;
  /**
   * Shortest rest between two censuses, ms.
   *
   * @default CENSUS_REST_MS
   */
  readonly censusRestMs?: number;
  /**
   * Returns the time of a status, ms. It is called before the status is put together. If the process then stands
   * still, the status does not look newer than it is.
   */
  readonly clock?: () => Promise<number>;
};

/** Keys of one call: 0.1 ms of server time. This verification is not urgent, and apps wait during its calls. */
const VERIFIER_BATCH_KEYS = 16;
const MIN_PASS_MS = 1_000;
const CENSUS_REST_MS = 5_000;
/**
 * A census rests for at least this many times as long as it took, so that with very many keys the walks over their
 * names do not follow each other without a pause. A census counts for four times as long as it took, so the next one
 * ends in time.
 */
const CENSUS_RESTS = 2;
const IDLE_POLL_MS = 100;

/**
 * Verifies a link pass after pass until aborted. It only reads the stores, and hands over keys that stayed different.
 * It starts from the status of the previous attempt (`before`), and begins a pass only when it knows which datasets
 * take part. Beside the whole passes it counts the sessions, by passes over their datasets alone
 * (redis/verify/session-census.ts). It reports at the end of each pass and about once a second (redis/verify/report.ts).
 *
 * - `settled` = equal + diverged. It leaves out `pending`, `hot` and `quarantined` keys. Expired keys count nowhere.
 * - `clean`: the last whole pass that found at least one equal key, in which the sync repaired nothing, and at whose
 *   end no difference was pending or diverged. By then each difference had become equal, or its key was deleted or
 *   expired. Hot keys changed after the start of the pass, and quarantined keys have a gate of their own. So a key
 *   that existed during the whole pass was equal at some moment after the start of the pass, or it changed after the
 *   start. `clean` becomes `null` again when a dataset joins.
 * - `sessions`: `live` = sessions that the authority has, so they are neither logged out nor expired. `migrated` =
 *   those that are equal on the other side. `lost` = those that are diverged. Other sessions are in flight or in
 *   quarantine. `census` says by which pass they were counted.
 * - `cache`: `source` = keys of role `cache` that the authority has. `target` = those of them that the other side has
 *   too, whatever their content. Before the flip these sides are V1 and V2; after it, V2 and V1.
 *
 * @throws when a store fails; the next attempt begins again
 */
export async function runVerifier(
  options: VerifyOptions,
  signal: AbortSignal,
  report: (status: VerifyStatus, saidAtMs: number) => void,
): Promise<void> {
  const { bounds, census: lines, minPassMs = MIN_PASS_MS, censusRestMs = CENSUS_REST_MS } = options;
  const common = { batchKeys: VERIFIER_BATCH_KEYS, ...options };
  const whole = new Sweep(common);
  const census = lines ? makeSessionSweep(common, lines, bounds) : null;
  const reporting = {
    status: () => (census ? withCensus(whole.status(), census.status()) : whole.status()),
    silentMs: () => Math.max(whole.silentMs, census?.silentMs ?? 0),
    report,
    clock: options.clock,
  };
  const told = () => reportNow(reporting);
  const ofCensus = () => (census === null ? 0 : census.passing ? 1 / 2 : 1 / 8);
  const passing = {
    pace: makeVerifyPace(shareOfBounds(bounds, () => 1 - ofCensus())),
    restMs: (tookMs: number) => minPassMs - tookMs,
    told,
  };
  const counting = {
    pace: makeVerifyPace({ ...shareOfBounds(bounds, ofCensus), bytesRead: lines?.bytesRead ?? (() => 0) }),
    restMs: (tookMs: number) => Math.max(censusRestMs, CENSUS_RESTS * tookMs),
    told,
  };
  await runTogether(signal, [
    (inner) => reportRegularly(reporting, inner),
    (inner) => passOnAndOn(whole, passing, inner),
    ...(census ? [(inner: AbortSignal) => passOnAndOn(census, counting, inner)] : []),
  ]);
}

type Passing = {
  readonly pace: VerifyPace;
  readonly told: () => Promise<void>;
  /** Returns the rest after a pass, ms; at most 0 = none. */
  readonly restMs: (tookMs: number) => number;
};

/** Passes again and again. A dataset that joins ends the rest. Rejects when aborted. */
async function passOnAndOn(
  sweep: Sweep,
  { pace, told, restMs }: Passing,
  signal: AbortSignal,
): Promise<void> {
  for (let until = 0; ; ) {
    while (!sweep.ready || (performance.now() < until && !sweep.lacks)) {
      await delay(Math.min(IDLE_POLL_MS, Math.max(1, until - performance.now())), undefined, { signal });
      await sweep.recheck(pace, signal);
    }
    const began = performance.now();
    await sweep.pass(pace, signal);
    const ended = performance.now();
    until = ended + restMs(ended - began);
    await told();
  }
}

export type AllVerified = {
  /** Distinct keys found on either side, without foreign and quarantined keys. */
  readonly compared: number;
  /** Keys that differ for good, and keys that did not settle: an unknown key must count as different. */
  readonly diverged: number;
};

/** Runs one complete two-way check of all datasets of a link, with re-checks until each difference is stable. */
export async function verifyAll(
  options: Omit<SweepOptions, 'covers'>,
  signal: AbortSignal,
): Promise<AllVerified> {
  const names = options.link.datasets.map(({ name }) => name);
  const sweep = new Sweep({ ...options, covers: () => names });
  await sweep.pass(makeVerifyPace({ keysPerSecond: () => 0 }), signal);
  const { equal, diverged, pending, hot } = sweep.status();
  const unequal = diverged + pending + hot;
  return { compared: equal + unequal, diverged: unequal };
}

/**
 * No more keys are named while this many wait for the sync. A key that is left out still differs, and is named later.
 */
const MAX_WAITING_NAMES = 1_000;

/**
 * Returns a function that names keys to the syncs of a link for repair, each key to its shard. It passes only names,
 * and the sync reads the key itself before it writes. So a key that is named twice, or by a superseded verifier,
 * costs a read and nothing else.
 */
export function reportDifferences(
  link: Link,
  keyspace: Keyspace,
  target: Redis,
): (sourceKeys: readonly string[]) => Promise<void> {
  return async (sourceKeys) => {
    for (const shard of shardsOf(link)) {
      const mine = sourceKeys.filter((key) => owns(shard, key));
      const list = keyspace.mend(shard.name);
      if (mine.length > 0 && (await target.scard(list)) < MAX_WAITING_NAMES)
        await target.sadd(list, ...mine.map(keyBytes));
    }
  };
}
