import type { Plan } from './plan.ts';

/** Bounds of our own work, per link, as the plan sets them and `configure` changes them; 0 = no limit. */
export type Throttle = {
  /** Initial copy and re-scan. Changes are never bounded: they go first. */
  readonly copyKeysPerSecond: number;
  readonly copyBytesPerSecond: number;
  readonly verifyKeysPerSecond: number;
  readonly verifyBytesPerSecond: number;
  /** Server time of one call of the sync, ms. */
  readonly batchMs: number;
};

/** Facts: from 2 ms on a call is a stall that every client of the server feels. */
export const MOST_BATCH_MS = 2;

/** The bounds that the plan sets; plans of older runs lack some. */
export function throttleOf({ throttle }: Plan): Throttle {
  return { copyBytesPerSecond: 0, verifyBytesPerSecond: 0, batchMs: MOST_BATCH_MS, ...throttle };
}
