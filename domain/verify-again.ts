import { lookLengthMs } from './look-length.ts';

/** The sync needs a moment to carry what differs. */
const SHORTEST_MS = 2_000;
/** Somebody is at it. */
const LONGEST_MS = 3_600_000;

/**
 * How long to wait before the last verification is made again, ms: a third of the time that it has held the completion
 * up. Each one and the watch between them leave events, and a history ends at some 50 000.
 */
export function verifyAgainMs(heldUpMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, lookLengthMs(heldUpMs)));
}
