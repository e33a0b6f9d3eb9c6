import { setTimeout as delay } from 'node:timers/promises';
import type { VerifyStatus } from '../../domain/status.ts';
import { makeVerifyPace, type VerifyBounds } from './pace.ts';
import { Sweep, type SweepOptions } from './sweep.ts';

export type VerifyOptions = SweepOptions & {
  readonly bounds: VerifyBounds;
  /** Least time from the start of one pass to the start of the next, ms: little data must not make it spin. */
  readonly minPassMs?: number;
};

/** Nobody waits for this verification, and apps wait for its calls: 0.1 ms each (L14). */
const BATCH_KEYS = 16;
const MIN_PASS_MS = 1_000;
const REPORT_MS = 1_000;
const IDLE_POLL_MS = 100;

/**
 * Verifies a link pass after pass until aborted; it only reads. Reports at the end of each pass and about once a
 * second in between; it is silent while a store does not answer, so that the status grows stale and red (L7).
 *
 * - `settled` = equal + diverged. `pending`, `hot` and `quarantined` are none of it; expired keys are nowhere.
 * - `cleanSince`: start of the last complete pass which found at least one equal key and at whose end no difference
 *   was left pending or diverged; each one met had been seen equal again, or had gone, or expired. Hot keys changed
 *   after that start, and quarantine has a gate of its own. So a key that was there throughout the pass was equal at
 *   some moment after `cleanSince`, or has changed after it. `null` again when a dataset joins.
 * - `sessions`: `live` = the authority has it, by whom nobody logged out or expired; `migrated` = those equal on the
 *   other side; `lost` = those diverged. What is in neither is on its way or in quarantine.
 * - `cache`: `source` = keys of role `cache` that the authority has, `target` = those of them that the other side has
 *   too, whatever their content. Before the flip that is V1 and V2; after it, V2 and V1.
 *
 * @throws when a store fails; the next attempt begins anew (L8)
 */
export async function runVerifier(
  options: VerifyOptions,
  signal: AbortSignal,
  report: (status: VerifyStatus) => void,
): Promise<void> {
  const sweep = new Sweep({ batchKeys: BATCH_KEYS, ...options });
  const pace = makeVerifyPace(options.bounds);
  let reportedAt = Date.now();
  const tell = () => {
    reportedAt = Date.now();
    report(sweep.status());
  };
  const tick = () => {
    if (Date.now() - reportedAt >= REPORT_MS) tell();
  };
  try {
    for (;;) {
      const until = Date.now() + (options.minPassMs ?? MIN_PASS_MS);
      await sweep.pass(pace, tick, signal);
      tell();
      while (Date.now() < until) {
        await delay(Math.min(IDLE_POLL_MS, until - Date.now()), undefined, { signal });
        await sweep.recheck(pace, signal);
        tick();
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
