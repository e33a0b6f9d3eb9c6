import type { Step } from '../../domain/protocol.ts';
import { otherSide } from '../../domain/side.ts';
import { type Ruling, rulingOf } from '../../domain/suspicion.ts';
import type { Absences } from './absences.ts';
import type { Breaker } from './breaker.ts';
import type { Pair } from './pair.ts';

/** What becomes of a step in the light of what is suspected (L5). No absence travels that nobody vouched for. */
export async function ruled(breaker: Breaker, pair: Pair, step: Step, absences: Absences): Promise<Ruling> {
  if (!breaker.quiet) await breaker.settled();
  const { work, states } = pair;
  const vouch = async (travels: Ruling) => {
    if (travels.do !== 'carry' || !travels.absence) return;
    const from = otherSide(travels.to);
    await absences.vouch(from, states[from].proof);
  };
  const rule = () =>
    rulingOf(step, states, breaker.suspicions, (side) =>
      breaker.writtenSince(side, work.key, states[side].digest),
    );
  await vouch(step);
  if (!breaker.open) return step;
  let ruling = rule();
  if (ruling !== step) {
    // The other side's absence travels instead: it may be the next thing to be suspected.
    await vouch(ruling);
    ruling = rule();
  }
  const held = ruling.do === 'hold' && { side: ruling.side, digest: states[ruling.side].digest };
  breaker.note(work.key, held || null);
  return ruling;
}
