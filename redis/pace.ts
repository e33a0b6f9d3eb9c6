import { setTimeout as delay } from 'node:timers/promises';

/** Keeps a loop at `perSecond` units a second on average; 0 = no limit. Tells whether it had to wait. */
export function makePace(perSecond: number): (units: number, signal: AbortSignal) => Promise<boolean> {
  let free = performance.now();
  return async (units, signal) => {
    if (perSecond <= 0) return false;
    const now = performance.now();
    free = Math.max(free, now) + (units / perSecond) * 1_000;
    const waitMs = free - now - 50;
    if (waitMs <= 0) return false;
    await delay(waitMs, undefined, { signal });
    return true;
  };
}
