import type { Step } from '../../domain/protocol.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { type Ruling, rulingOf } from '../../domain/suspicion.ts';
import type { Breaker } from './breaker.ts';
import type { Pair } from './pair.ts';

/**
 * What becomes of a step in the light of what is suspected (L5). An absence is proven by what was seen with it, in one
 * atomic look; where that does not do, its side is asked.
 *
 * @param asked sides that were asked since this batch was read: once for all of its absences
 */
export async function ruled(breaker: Breaker, pair: Pair, step: Step, asked: Set<Side>): Promise<Ruling> {
  if (!breaker.quiet) await breaker.settled();
  const from = otherSide(step.do === 'carry' ? step.to : 'source');
  if (step.do === 'carry' && step.absence && !asked.has(from)) {
    asked.add(from);
    if (!breaker.proves(from, pair.states[from].proof)) await breaker.ask(from);
  }
  if (!breaker.open) return step;
  const { key } = pair.work;
  const ruling = rulingOf(step, pair.states, breaker.suspicions, (side) => breaker.hasHeard(side, key));
  breaker.note(key, ruling.do === 'hold' ? ruling.side : null);
  return ruling;
}
