/**
 * A difference between two live copies of a key, which may become a divergence. At first a difference only means "not
 * yet": the change may still be in flight.
 * - `diverged`: the authority's copy stayed the same over the whole retry window, and the other side still differs.
 * - `hot`: the authority's copy changes at nearly every read, faster than the verifier can compare it.
 * - `pending`: every other difference.
 */
export type Unsettled = {
  readonly verdict: 'pending' | 'hot' | 'diverged';
  /** Time at which the verifier first saw the difference, ms. */
  readonly since: number;
  /** Time from which on the authority's copy has stayed the same, ms. */
  readonly stableSince: number;
  /** Identifies the authority's copy at the last read. */
  readonly mark: string;
  /** Number of reads that found the authority's copy changed since the read before. */
  readonly changes: number;
  /** Time of the next read, ms. */
  readonly nextLookAt: number;
};

export type DifferentKey = {
  /** Time of this read, ms. */
  readonly at: number;
  /** Identifies the authority's copy. It differs when the copy changed, or when the authority itself changed. */
  readonly mark: string;
  /**
   * The sync is known to be behind (restart, re-scan, circuit breaker), so the time until now does not count as stable.
   */
  readonly behind: boolean;
};

export type SettlingRules = { readonly retryWindowMs: number; readonly hotAfterChanges: number };

const SOONEST_MS = 25;

/** Updates a difference after one more read that still found it. */
export function settle(before: Unsettled | null, look: DifferentKey, rules: SettlingRules): Unsettled {
  const changed = before !== null && before.mark !== look.mark;
  const since = before?.since ?? look.at;
  const changes = (before?.changes ?? 0) + (changed ? 1 : 0);
  const stableSince = before === null || changed || look.behind ? look.at : before.stableSince;
  const stable = look.at - stableSince >= rules.retryWindowMs;
  const verdict = stable ? 'diverged' : changes >= rules.hotAfterChanges ? 'hot' : 'pending';
  return { verdict, since, stableSince, mark: look.mark, changes, nextLookAt: look.at + pause() };

  /**
   * Returns the pause before the next read, ms. Reads become rarer with the age of the difference. Most differences end
   * within a few ms, and the others do not end sooner when we read more often.
   */
  function pause(): number {
    if (verdict === 'diverged') return rules.retryWindowMs;
    return Math.min(Math.max(SOONEST_MS, (look.at - since) / 2), rules.retryWindowMs / 4);
  }
}
