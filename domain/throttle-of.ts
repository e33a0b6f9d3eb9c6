import type { Plan } from './plan.ts';
import type { Throttle } from './throttle.ts';

/** Facts: from 2 ms on a call is a stall that every client of the server feels. */
export const MOST_BATCH_MS = 2;

/** The bounds that the plan sets; plans of older runs lack some. */
export function throttleOf({ throttle }: Plan): Throttle {
  return { copyBytesPerSecond: 0, verifyBytesPerSecond: 0, batchMs: MOST_BATCH_MS, ...throttle };
}
