import type { Plan } from './plan.ts';

/** Limits on our own work, for each link. The plan sets them and `configure` changes them. 0 means no limit. */
export type Throttle = {
  /** Limits of the initial copy and the re-scan. Changes have no limit, because they go first. */
  readonly copyKeysPerSecond: number;
  readonly copyBytesPerSecond: number;
  readonly verifyKeysPerSecond: number;
  readonly verifyBytesPerSecond: number;
  /** Server time of one call of the sync, ms. */
  readonly batchMs: number;
};

/** From 2 ms on a call is a stall that every client of the server feels. */
export const MOST_BATCH_MS = 2;

/** Returns the limits that the plan sets. Plans of older runs lack some of them, which get their defaults here. */
export function throttleOf({ throttle }: Plan): Throttle {
  return { copyBytesPerSecond: 0, verifyBytesPerSecond: 0, batchMs: MOST_BATCH_MS, ...throttle };
}

/**
 * 64 keys take about 0.7 ms of server time. A larger batch would not be faster, and every client of the server waits
 * while a call runs.
 */
export const MOST_BATCH_KEYS = 64;
/**
 * Smaller batches cost more in round trips than they spare the apps. The measurement counts the scripts of apps on the
 * same server as ours; this minimum keeps them from making our batches smaller still.
 */
export const LEAST_BATCH_KEYS = 4;
const GROWTH = 8;

/**
 * Returns how many keys the next call may hold so that it occupies its server for at most `batchMs`. The number falls
 * at once and grows slowly.
 *
 * @param keyMicros server time that one key took since the last measurement, µs, its bytes included; `null` when
 * nothing ran
 */
export function nextBatchKeys(before: number, keyMicros: number | null, batchMs: number): number {
  if (keyMicros === null) return before;
  const fitting = keyMicros === 0 ? MOST_BATCH_KEYS : Math.floor((batchMs * 1_000) / keyMicros);
  const wanted = Math.min(MOST_BATCH_KEYS, Math.max(LEAST_BATCH_KEYS, fitting));
  return Math.min(wanted, before + GROWTH);
}
