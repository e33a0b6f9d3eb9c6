import type { Attempt } from './attempt.ts';
import type { Side } from '../../domain/side.ts';

/**
 * A suspicion ends when everything was looked at since and nothing of that side had to be held back (L5): asked at a
 * moment at which no key waits, after every event up to that moment has been heard. What the server does later, also
 * while we ask, is a new suspicion.
 */
export async function believeAgain(attempt: Attempt, barrier: (side: Side) => Promise<void>): Promise<void> {
  const { breaker } = attempt;
  for (const { side, since } of breaker.suspects()) {
    if (!isSettled(attempt, side)) continue;
    await breaker.ask(side);
    const seen = breaker.witness(side);
    await barrier(side);
    await breaker.settled();
    const same = breaker.suspicions[side]?.since === since;
    if (seen && same && isSettled(attempt, side)) breaker.believe(side, seen);
  }
}

function isSettled({ breaker, dirty }: Attempt, side: Side): boolean {
  if (breaker.isGone(side) || breaker.held(side) > 0 || breaker.wantsRescan) return false;
  // What the other side's suspicion holds back stays parked and has been looked at in the light of this one too.
  const held = breaker.held('source') + breaker.held('target');
  return dirty.idle && dirty.parked <= held;
}
