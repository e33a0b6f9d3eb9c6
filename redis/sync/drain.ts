import { setTimeout as delay } from 'node:timers/promises';
import type { Side } from '../../domain/side.ts';
import { keyBytes } from '../key-bytes.ts';
import { type Attempt, takesPart } from './attempt.ts';

const SIDES = ['source', 'target'] as const;
/** Arguments that one guarded command takes. */
const MOST_PUSHED = 4_000;

/**
 * Answer to a drain request: all that the fenced side had accepted has arrived on the other. `suspects`: sides that the
 * breaker did not believe at that moment; what is held back of them is another matter.
 */
export type Drained = {
  readonly id: string;
  readonly side: Side;
  readonly ms: number;
  readonly suspects: readonly Side[];
};

/**
 * Serves drain requests: first the barrier, so that "nothing pending" speaks of every event, then the wait. The
 * other direction may lag: it is the backlog of the next way back. Hands over which keys were carried lately, for
 * the check under the fence.
 */
export async function drains(
  attempt: Attempt,
  barrier: (side: Side) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let served = '';
  while (!signal.aborted) {
    const asked = attempt.control.drain;
    if (!asked || asked.id === served) {
      await delay(2, undefined, { signal }).catch(() => undefined);
      continue;
    }
    const began = performance.now();
    await barrier(asked.side);
    await attempt.reached?.('drain barrier');
    let left = attempt.dirty.pendingFrom(asked.side);
    while ((left > 0 || hasUnseen(attempt)) && attempt.control.drain?.id === asked.id && !signal.aborted) {
      await delay(restMs(left), undefined, { signal }).catch(() => undefined);
      left = attempt.dirty.pendingFrom(asked.side);
    }
    if (attempt.control.drain?.id !== asked.id || signal.aborted) continue;
    // Asked now: a flush of a moment ago may not have been heard yet, and the next step may be to serve from there (L5).
    // A pause holds back a flush too, and perhaps a write of ours that our question would wait behind.
    const askable = SIDES.filter((side) => side !== attempt.control.paused);
    await Promise.all(askable.map((side) => attempt.breaker.ask(side)));
    const suspects = attempt.breaker.suspects().map((one) => one.side);
    await answer(attempt, { ...asked, ms: Math.round(performance.now() - began), suspects });
    served = asked.id;
  }
}

/** Counting a long queue costs what carrying it needs: it is asked again when half of it can be gone, at 20 keys a ms. */
function restMs(left: number): number {
  return Math.min(50, Math.max(1, left / 40));
}

/** An attempt that begins under the fence has not heard what was accepted before it: its scan finds it (L2). */
function hasUnseen(attempt: Attempt): boolean {
  return attempt.link.datasets.some(
    (dataset) => attempt.unseen.has(dataset.name) && takesPart(attempt, dataset),
  );
}

async function answer(attempt: Attempt, drained: Drained): Promise<void> {
  const { keyspace, shard, guarded } = attempt;
  const list = keyspace.recent(shard.name);
  const keys = attempt.recent.keys().map(keyBytes);
  const writes = [guarded('UNLINK', list)];
  for (let i = 0; i < keys.length; i += MOST_PUSHED)
    writes.push(guarded('RPUSH', list, ...keys.slice(i, i + MOST_PUSHED)));
  // One connection: the word comes after the list it speaks of.
  writes.push(guarded('SET', keyspace.drained(shard.name), JSON.stringify(drained)));
  await Promise.all(writes);
  await attempt.reached?.('drained');
}
