import { setImmediate as yieldTurn, setTimeout as delay } from 'node:timers/promises';
import { makePace } from '../pace.ts';

/** Waits until so many keys may be looked at; rejects when aborted. */
export type Pace = (keys: number, signal: AbortSignal) => Promise<void>;

const HELD_POLL_MS = 10;

/**
 * The pace of verification: at most `keysPerSecond` on average (0 = no limit). It gives way to the other work of the
 * process at each call, and stands still while `held` (L14).
 */
export function makeVerifyPace(keysPerSecond: number, held: () => boolean = () => false): Pace {
  const pace = makePace(keysPerSecond);
  return async (keys, signal) => {
    await yieldTurn(undefined, { signal });
    while (held()) await delay(HELD_POLL_MS, undefined, { signal });
    await pace(keys, signal);
  };
}
