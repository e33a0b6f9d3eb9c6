const SHORTEST_LOOK_MS = 500;
const LONGEST_LOOK_MS = 12 * 3_600_000;

/**
 * Returns how long one look may last before it must return, ms: as long as the wait so far. So the number of looks grows
 * with the logarithm of the wait, and a whole plan of 14 days takes about a hundred. While a look lasts, its heartbeat
 * tells the newest numbers each second (`jday progress` shows them), and it returns at once when the goal is reached, a
 * trigger fires or an operator has to hear something.
 */
export function pollLengthMs(waitedMs: number): number {
  return Math.min(LONGEST_LOOK_MS, Math.max(SHORTEST_LOOK_MS, Math.round(waitedMs)));
}

/** So many pieces of news end a look at once. */
const NEWS_AT_ONCE = 8;
const LONGEST_QUIET_MS = 3_600_000;

/**
 * Returns how long a look lasts at least before news may end it, ms. Something that comes and goes for days, such as a
 * store that answers now and then, must not fill the history of the workflow: after the first pieces of news this time
 * doubles with each further one. The goal, a trigger and a message end a look at once all the same.
 *
 * @param told pieces of news that have ended a look in this run so far
 */
export function quietMs(told: number): number {
  return told < NEWS_AT_ONCE ? 0 : Math.min(LONGEST_QUIET_MS, SHORTEST_LOOK_MS * 2 ** (told - NEWS_AT_ONCE));
}

/** The sync needs a moment to replicate the differences. */
const SHORTEST_VERIFY_MS = 2_000;
/** By then an operator works on the problem. */
const LONGEST_VERIFY_MS = 4 * 3_600_000;

/**
 * Returns how long to wait before the last verification runs again, ms: the time for which it has delayed the
 * completion so far. Each verification, and each watch between two of them, adds events to the workflow history, and a
 * history ends at some 50 000 events.
 */
export function verifyAgainMs(heldUpMs: number): number {
  return Math.min(LONGEST_VERIFY_MS, Math.max(SHORTEST_VERIFY_MS, pollLengthMs(heldUpMs)));
}
