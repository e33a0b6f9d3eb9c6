import type { Step } from '../../domain/protocol.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { type Ruling, rulingOf } from '../../domain/suspicion.ts';
import type { Breaker } from './breaker.ts';
import type { Pair } from './pair.ts';

/**
 * What becomes of a step in the light of what is suspected (L5). Absences are asked about after they were read.
 *
 * @param asked sides that were asked since this batch was read: once for all of its absences
 */
export async function ruled(breaker: Breaker, pair: Pair, step: Step, asked: Set<Side>): Promise<Ruling> {
  await breaker.settled();
  if (step.do === 'carry' && step.absence && !asked.has(otherSide(step.to))) {
    asked.add(otherSide(step.to));
    await breaker.ask(otherSide(step.to));
  }
  if (!breaker.open) return step;
  const { key } = pair.work;
  const ruling = rulingOf(step, pair.states, breaker.suspicions, (side) => breaker.hasHeard(side, key));
  breaker.note(key, ruling.do === 'hold' ? ruling.side : null);
  return ruling;
}
