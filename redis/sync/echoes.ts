import { otherSide, type Side } from '../../domain/side.ts';
import { chunksOf } from '../chunks.ts';
import type { Attempt } from './attempt.ts';
import type { Work } from './dirty-keys.ts';
import type { Known } from './known-keys.ts';
import { onNodes } from './side-port.ts';

/** Calls that wait for a server at a time. */
const CALLS = 4;

/**
 * The lane of echoes: events that are most likely those of our own writes. A key that is as we left it needs nothing
 * more (L3). An app may have written in the same moment, so a state is compared, events cannot be counted off; such a
 * key goes the way of changes, with the age of its event.
 */
export async function echoes(attempt: Attempt, signal: AbortSignal): Promise<void> {
  const { dirty, batch } = attempt;
  while (!signal.aborted) {
    await dirty.wakened('echoes');
    const works = dirty.takeEchoes(batch.keys * CALLS);
    const glances = chunksOf(works, batch.keys).flatMap((chunk) => [
      glance(attempt, 'source', chunk),
      glance(attempt, 'target', chunk),
    ]);
    const ended = new Set((await Promise.all(glances)).flat());
    const nowMs = Date.now();
    for (const work of works) {
      if (ended.has(work)) dirty.giveBack(work, 'done', nowMs);
      else dirty.putBack(work);
    }
  }
}

/** The works of one side whose keys are as we left them there. */
async function glance(attempt: Attempt, side: Side, works: readonly Work[]): Promise<readonly Work[]> {
  const { keyMap, ports, known } = attempt;
  const mine: { work: Work; left: Known; name: string }[] = [];
  for (const work of works) {
    if (work.since[side] === undefined || work.since[otherSide(side)] !== undefined) continue;
    const left = known.get(work.key);
    const dataset = left?.echo === side && keyMap.owner('source', work.key);
    if (!left || !dataset) continue;
    const name = side === 'source' ? work.key : keyMap.counterpart(dataset, 'source', work.key);
    mine.push({ work, left, name });
  }
  if (mine.length === 0) return [];
  const states = await onNodes(ports[side], mine, (node, keys) =>
    node.turns.glance(keys.map(({ name }) => name)),
  );
  return mine.flatMap(({ work, left }, i) => {
    left.echo = null;
    return states[i] === left[side] ? [work] : [];
  });
}
