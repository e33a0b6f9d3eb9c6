import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { chunksOf } from '../../client/key-bytes.ts';
import type { Attempt } from './attempt.ts';
import type { DirtyKey } from '../reconcile/dirty-set.ts';
import { isRefusedKey } from '../store/failure-kinds.ts';
import type { KnownState } from '../reconcile/key-reader.ts';
import { onNodes } from '../store/store-port.ts';

/** Batches of echoes that are checked at the same time. Each batch is one call for each side. */
const CALLS = 4;

/**
 * Handles events that most likely come from our own writes. Every write of ours raises an event on the side that it
 * was written to. Such a key does not need a full read of both sides. This loop reads only its state (24 bytes) on the
 * side of the event. If the state is the one that our write left there, nothing is left to do.
 *
 * An app may write in the same moment, and one event may stand for its write and for ours. So the loop compares states;
 * it does not count events. A key with another state goes to the queue of changes, with the time of its event.
 */
export async function echoLoop(attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { dirty, batch } = attempt;
  while (!signal.aborted) {
    await dirty.wakened('echoes');
    const works = dirty.takeEchoes(batch.keys * CALLS);
    const glances = chunksOf(works, batch.keys).flatMap((chunk) => [
      glance(attempt, 'source', chunk),
      glance(attempt, 'target', chunk),
    ]);
    const ended = new Set((await Promise.all(glances)).flat());
    const nowMs = performance.now();
    for (const work of works) {
      if (ended.has(work)) dirty.complete(work, 'done', nowMs);
      else dirty.requeue(work);
    }
  }
}

/**
 * Reads the states of keys on one side. Skips a key if an event of the other side waits too, or if we did not write to
 * this side last.
 *
 * @returns the works whose keys still have the state that our last write left on this side
 */
async function glance(
  attempt: Attempt,
  side: Side,
  works: readonly DirtyKey[],
): Promise<readonly DirtyKey[]> {
  const { keyMap, ports, known } = attempt;
  const mine: { work: DirtyKey; left: KnownState; name: string }[] = [];
  for (const work of works) {
    if (work.since[side] === undefined || work.since[otherSide(side)] !== undefined) continue;
    const left = known.get(work.key);
    const located = left?.echo === side && keyMap.locate(work.key);
    if (!left || !located) continue;
    mine.push({ work, left, name: located.names[side] });
  }
  if (mine.length === 0) return [];
  const states = await onNodes(ports[side], mine, (node, keys) =>
    node.scripts.checkStates(keys.map(({ name }) => name)),
  ).catch((error: unknown) => {
    if (!isRefusedKey(error)) throw error;
    // The server refuses one of these keys, so the call fails for all of them. All go to the apply loop, which finds
    // the key that fails.
    return [];
  });
  return mine.flatMap(({ work, left }, i) => {
    // One write of ours explains one event. The next event of this side goes to the queue of changes.
    left.echo = null;
    return states[i] === left[side] ? [work] : [];
  });
}
