import type { Outcome, Phase } from '../domain/phase.ts';
import type { Options } from './options.ts';

/** How a rehearsal may end. */
export function expectedOutcomes({
  abortAt,
  corrupt,
}: Pick<Options, 'abortAt' | 'corrupt'>): readonly Outcome[] {
  if (corrupt) return ['rolled-back'];
  return abortAt === null ? ['completed'] : outcomesOfAbortAt(abortAt);
}

/** From the approval to the flip are milliseconds: the abort may arrive on either side of it. */
function outcomesOfAbortAt(phase: Phase): readonly Outcome[] {
  if (phase === 'approval' || phase === 'cutover') return ['aborted', 'rolled-back'];
  return phase === 'watch' ? ['rolled-back'] : ['aborted'];
}
