const SHORTEST_MS = 500;
const LONGEST_MS = 4 * 3_600_000;

/**
 * How long one watch may last before it must come back with a snapshot, ms: a third of the time waited so far.
 * The number of looks grows with the logarithm of the wait: fresh numbers at its beginning, some 250 looks for
 * a whole plan of 14 days, and a wait without end (a person's approval) stays affordable too.
 */
export function lookLengthMs(waitedMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.round(waitedMs / 3)));
}
