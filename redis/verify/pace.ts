import { setImmediate as yieldTurn, setTimeout as delay } from 'node:timers/promises';

/** Waits until so many keys may be looked at; rejects when aborted. */
export type Pace = (keys: number, signal: AbortSignal) => Promise<void>;

const HELD_POLL_MS = 10;
const BURST_SECONDS = 0.1;

/**
 * A token bucket: at most `keysPerSecond` (0 = no limit) over any longer time, and a tenth of a second's worth at
 * once. Gives way to other work of the process at each call, and stands still while `held`.
 */
export function makePace(keysPerSecond: number, held: () => boolean = () => false): Pace {
  const rate = keysPerSecond > 0 ? keysPerSecond : Number.POSITIVE_INFINITY;
  const burst = rate * BURST_SECONDS;
  let tokens = burst;
  let filledAt = performance.now();

  return async (keys, signal) => {
    await yieldTurn(undefined, { signal });
    while (held()) await delay(HELD_POLL_MS, undefined, { signal });
    if (rate === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * rate) - keys;
    filledAt = now;
    // In debt: the next caller pays, so that a batch larger than the bucket still passes.
    if (tokens < 0) await delay((-tokens / rate) * 1000, undefined, { signal });
  };
}
