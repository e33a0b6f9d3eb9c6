import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../../domain/plan/plan.ts';
import { chunksOf } from '../../client/key-bytes.ts';
import type { Attempt } from '../attempt/attempt.ts';
import { isRefusedKey } from '../store/failure-kinds.ts';
import { isFullyRead, type SilentState, silentStates } from '../reconcile/stream-groups.ts';
import { onNodes } from '../store/store-port.ts';

/** The most streams in one call. A stream takes 20 µs of server time when it has few pending entries. */
const CALL_STREAMS = 32;
const ROUND_MS = 1_000;
/** A rest is this many times as long as the call before it, so a server works for us about a twentieth of the time. */
const REST_SHARE = 20;
const LONGEST_REST_MS = 100;

/**
 * Asks for the silent state of every stream that the attempt has met, about once a second. Commands of consumer groups
 * and XSETID change that state. They raise no event, and no WATCH notices them, so without the question these changes
 * would be lost. A stream whose silent state has changed goes into the dirty set like any changed key. When there are
 * no streams, the loop asks nothing. When nothing changes, nothing travels.
 */
export async function pollStreams(attempt: Attempt, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const round = delay(ROUND_MS, undefined, { signal }).catch(() => undefined);
    for (const side of ['source', 'target'] as const) await pollSide(attempt, side, signal);
    await round;
  }
}

async function pollSide(attempt: Attempt, side: Side, signal: AbortSignal): Promise<void> {
  for (const keys of chunksOf(attempt.streams.keys(), CALL_STREAMS)) {
    if (signal.aborted) return;
    const asked = performance.now();
    await askAbout(attempt, side, keys);
    const restMs = Math.min(LONGEST_REST_MS, REST_SHARE * (performance.now() - asked));
    await delay(restMs, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Asks about the streams that this drain has not asked about yet. The fence stands, so their groups no longer change.
 *
 * A stream that has groups, and that one script can read, goes into the dirty set in any case, and the verifier
 * compares it. Any other stream goes there only when its silent state has changed: the reconciler has read it since the
 * last poll showed a change.
 *
 * @param asked streams that this drain has asked about; the function adds the new ones
 * @returns the number of new ones
 */
export async function readStreamsUnderFence(
  attempt: Attempt,
  side: Side,
  asked: Set<string>,
): Promise<number> {
  const keys = attempt.streams.keys().filter((key) => !asked.has(key));
  for (const key of keys) asked.add(key);
  const chunks = chunksOf(keys, CALL_STREAMS).map(async (chunk) => {
    const states = await askAbout(attempt, side, chunk);
    for (const [i, key] of chunk.entries()) {
      if (states && !isFullyRead(states[i] as SilentState)) continue;
      attempt.dirty.mark(key, side, performance.now());
      // In a one-way migration, or when only one side has the stream, the two sides need not be equal.
      if (attempt.plan.mode !== 'forward' && attempt.streams.onBoth(key)) attempt.recent.add(key);
    }
  });
  await Promise.all(chunks);
  return keys.length;
}

/**
 * Reads the silent states of some streams on one side, and marks the changed ones in the dirty set. When the server
 * refuses one of the streams, all of them are marked. The apply loop then finds the one that fails, and the others are
 * carried without it.
 *
 * @returns the states; `null` = the server refused one of the streams
 */
async function askAbout(
  attempt: Attempt,
  side: Side,
  keys: readonly string[],
): Promise<readonly SilentState[] | null> {
  const { keyMap, ports, streams, dirty } = attempt;
  const named = keys.map((key) => ({ key, name: keyMap.locate(key)?.names[side] ?? key }));
  const states = await onNodes(ports[side], named, silentStates).catch((error: unknown) => {
    if (!isRefusedKey(error)) throw error;
    return null;
  });
  for (const [i, { key }] of named.entries())
    if (!states || streams.shows(key, side, states[i] as SilentState))
      dirty.mark(key, side, performance.now());
  return states;
}
