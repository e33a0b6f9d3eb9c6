/** 64 keys are about 0.7 ms of server time: more would be no faster, and each client of the server waits for a call. */
export const MOST_BATCH_KEYS = 64;
/** Fewer cost more in round trips than they spare the apps; also what foreign scripts on the server cannot take from us. */
export const LEAST_BATCH_KEYS = 4;
const GROWTH = 8;

/**
 * Keys that the next call may hold so that it keeps its server for `batchMs` at most: fewer at once, more by and by.
 *
 * @param keyMicros server time that one key took since the last look, µs, its bytes included; `null` = nothing ran
 */
export function nextBatchKeys(before: number, keyMicros: number | null, batchMs: number): number {
  if (keyMicros === null) return before;
  const fitting = keyMicros === 0 ? MOST_BATCH_KEYS : Math.floor((batchMs * 1_000) / keyMicros);
  const wanted = Math.min(MOST_BATCH_KEYS, Math.max(LEAST_BATCH_KEYS, fitting));
  return Math.min(wanted, before + GROWTH);
}
