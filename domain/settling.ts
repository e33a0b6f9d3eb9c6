/**
 * When a difference between two live copies of a key becomes a divergence (design §8). A first difference means
 * "not yet": the sync may be on its way. It is `diverged` only when the authority's copy stayed the same over the
 * whole retry window and the other side is still different; `hot` when the authority's copy changes at nearly every
 * look, faster than it can be compared; `pending` otherwise.
 */
export type Unsettled = {
  readonly verdict: 'pending' | 'hot' | 'diverged';
  /** First seen different, ms. */
  readonly since: number;
  /** The authority's copy has not changed since, ms. */
  readonly stableSince: number;
  /** Names the authority's copy as it was at the last look. */
  readonly mark: string;
  /** Looks at which the authority's copy had changed since the look before. */
  readonly changes: number;
  readonly nextLookAt: number;
};

export type DifferentLook = {
  readonly at: number;
  /** Names the authority's copy: differs when the copy, or the authority itself, changed. */
  readonly mark: string;
  /** The sync is known to be behind (restart, re-scan, breaker): no time counts as stable. */
  readonly behind: boolean;
};

export type SettlingRules = { readonly retryWindowMs: number; readonly hotAfterChanges: number };

const SOONEST_MS = 25;

/** The state of a difference after one more look that still found one. */
export function settle(before: Unsettled | null, look: DifferentLook, rules: SettlingRules): Unsettled {
  const changed = before !== null && before.mark !== look.mark;
  const since = before?.since ?? look.at;
  const changes = (before?.changes ?? 0) + (changed ? 1 : 0);
  const stableSince = before === null || changed || look.behind ? look.at : before.stableSince;
  const stable = look.at - stableSince >= rules.retryWindowMs;
  const verdict = stable ? 'diverged' : changes >= rules.hotAfterChanges ? 'hot' : 'pending';
  return { verdict, since, stableSince, mark: look.mark, changes, nextLookAt: look.at + pause() };

  /** Looks get rarer with the age of the difference: most end within a few ms, the rest will not be hurried. */
  function pause(): number {
    if (verdict === 'diverged') return rules.retryWindowMs;
    return Math.min(Math.max(SOONEST_MS, (look.at - since) / 2), rules.retryWindowMs / 4);
  }
}
