import { setTimeout as delay } from 'node:timers/promises';

/** Waits until so many units are paid for; tells whether it has to wait, when it begins to. Rejects when aborted. */
export type Pace = (units: number, signal: AbortSignal, waits?: () => void) => Promise<boolean>;

/** Shorter waits cost more in timers than they spare. */
const BURST_MS = 50;
/** A new rate counts within this time, also in a long wait. */
const SLICE_MS = 200;

/** Keeps a loop at `perSecond()` units a second on average; 0 = no limit. Time not used is lost, not saved up. */
export function makePace(perSecond: () => number): Pace {
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
