import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until `units` more units fit into the rate. Calls `waits` when a wait begins. Resolves to whether it waited;
 * rejects when aborted.
 */
export type RateLimiter = (units: number, signal: AbortSignal, waits?: () => void) => Promise<boolean>;

/** A wait up to this long is skipped, because its timer would cost more than the wait saves. */
const BURST_MS = 50;
/** A new rate takes effect within this time, even during a long wait. */
const SLICE_MS = 200;

/**
 * Makes a limiter that keeps a loop at `perSecond()` units a second on average; 0 = no limit. Unused time is lost, so a
 * pause does not permit a burst afterwards.
 */
export function makeRateLimiter(perSecond: () => number): RateLimiter {
  let owed = 0;
  let paidAt = performance.now();
  const waitMs = () => {
    const rate = perSecond();
    const now = performance.now();
    owed = rate <= 0 ? 0 : Math.max(0, owed - ((now - paidAt) / 1_000) * rate);
    paidAt = now;
    return rate <= 0 ? 0 : (owed / rate) * 1_000 - BURST_MS;
  };
  return async (units, signal, waits) => {
    waitMs();
    owed += units;
    let waited = false;
    for (let ms = waitMs(); ms > 0; ms = waitMs()) {
      if (!waited) waits?.();
      waited = true;
      await delay(Math.min(ms, SLICE_MS), undefined, { signal });
    }
    return waited;
  };
}
