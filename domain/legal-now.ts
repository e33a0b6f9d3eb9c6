import { blocks } from './judge.ts';
import { openSuspects } from './open-suspects.ts';
import type { Approval } from './phase.ts';
import { hasFlipped, type RunState } from './run-state.ts';

/** What an operator can send to a running migration. */
export type Message =
  | 'approve'
  | 'pause'
  | 'resume'
  | 'configure'
  | 'extendWindow'
  | 'rollback'
  | 'complete'
  | 'abort';

/** The messages that make sense now, for error texts and the status page. */
export function legalNow(state: RunState): readonly Message[] {
  if (state.phase === 'ended' || state.sealed) return [];
  if (state.stop) return state.questions.length > 0 ? ['resume', 'abort'] : [];
  const { what, gate } = state.waitingFor;
  const flipped = hasFlipped(state);
  const suspect = openSuspects(state.observation?.snapshot.links).length > 0;
  const completing = state.approvals.some((approval) => approval.gate === 'complete');
  const legal: readonly (Message | false)[] = [
    what === 'approval' && gate !== undefined && 'approve',
    !state.paused && 'pause',
    (state.paused !== null || state.questions.length > 0 || suspect) && 'resume',
    'configure',
    flipped && !completing && 'extendWindow',
    flipped && !completing && 'complete',
    flipped && 'rollback',
    'abort',
  ];
  return legal.filter((message) => message !== false);
}

/** Why nothing can be decided on suspect sides; whether one is suspect, the stores say. `null` = ask them. */
export function refusalOfDecision(state: RunState): string | null {
  const syncs = state.observation !== null && state.phase !== 'ended' && !state.sealed;
  if (syncs) return null;
  const reason = state.observation === null ? 'no sync has spoken yet' : why(state, 'resume');
  return `resume --accept is not possible now: ${reason}. ${options(legalNow(state), state)}`;
}

/** Why a message is refused now, with what is legal instead; `null` = it is welcome. */
export function refusal(state: RunState, message: Message, gate?: Approval): string | null {
  const legal = legalNow(state);
  if (!legal.includes(message))
    return `${message} is not possible now: ${why(state, message)}. ${options(legal, state)}`;
  if (message === 'resume' && state.paused === null && state.questions.length === 0)
    return `nothing is paused; what is held back needs --accept absence or --accept restore. ${options(legal, state)}`;
  if (message !== 'approve') return null;
  const asked = state.waitingFor.gate;
  if (gate !== asked) return `nobody waits for the approval of "${gate}". ${options(legal, state)}`;
  const red = state.observation?.gates.filter(blocks) ?? [];
  if (gate === 'complete' || red.length === 0) return null;
  const reasons = red.map((blocked) => `${blocked.name} (${blocked.reason})`).join(', ');
  return `"${gate}" cannot be approved while gates are not green: ${reasons}. ${options(legal, state)}`;
}

function why(state: RunState, message: Message): string {
  if (state.phase === 'ended') return `the migration has ended (${state.outcome})`;
  if (state.sealed) return 'the migration is being completed and the sync has been stopped';
  if (state.stop) return `the migration is going back (${state.stop.reason})`;
  if (message === 'approve' && state.waitingFor.what === 'gates')
    return `gates hold it back: ${state.waitingFor.why}`;
  if (message === 'approve') return `phase ${state.phase} waits for no approval`;
  if (message === 'pause') return 'it is paused already';
  if (message === 'resume') return 'nothing is paused';
  if (!hasFlipped(state)) return message === 'rollback' ? 'V1 still serves, use abort' : 'V1 still serves';
  return 'the completion has been approved';
}

function options(legal: readonly Message[], state: RunState): string {
  const named = legal.map((message) =>
    message === 'approve' ? `approve ${state.waitingFor.gate}` : message,
  );
  return named.length > 0 ? `Legal now: ${named.join(', ')}` : 'Nothing can be asked of it any more';
}
