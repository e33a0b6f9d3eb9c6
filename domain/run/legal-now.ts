import type { Gate } from '../gates/gate.ts';
import { openSuspects } from '../gates/concerns.ts';
import type { Approval } from '../plan/plan.ts';
import type { Acceptance } from '../protocol/loss-suspicion.ts';
import { hasFlipped, type RunState } from './run-state.ts';

/** The messages that an operator can send to a running migration. */
export type Message =
  | 'approve'
  | 'waive'
  | 'pause'
  | 'resume'
  | 'configure'
  | 'extendWindow'
  | 'rollback'
  | 'complete'
  | 'abort';

/** Returns the messages that make sense now, for error texts and the status page. */
export function legalNow(state: RunState): readonly Message[] {
  if (state.phase === 'ended') return [];
  if (state.sealed) return state.questions.length > 0 ? ['resume'] : [];
  if (state.stop) return state.questions.length > 0 ? ['resume', 'abort'] : [];
  const { what, gate } = state.waitingFor;
  const flipped = hasFlipped(state);
  const suspect = openSuspects(state.observation?.snapshot.links).length > 0;
  const completing = state.approvals.some((approval) => approval.gate === 'complete');
  const legal: readonly (Message | false)[] = [
    what === 'approval' && gate !== undefined && 'approve',
    waivableNow(state).length > 0 && 'waive',
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

/** Names the gates that are not known because there is nothing to measure by. */
export function waivableNow({ observation }: RunState): readonly string[] {
  return (observation?.gates ?? []).filter(({ waivable }) => waivable).map(({ name }) => name);
}

/**
 * Returns the reason why an operator cannot decide on a suspect side now. `null` means: ask the stores, because only
 * they know if a side is suspect. Once the sync has ended, one decision is left: a store without a claim is ours and
 * stays as it is. No process can write data back to it then.
 */
export function refusalOfDecision(state: RunState, word: Acceptance): string | null {
  const refused = (reason: string) =>
    `resume --accept ${word} is not possible now: ${reason}. ${options(legalNow(state), state)}`;
  if (state.observation === null) return refused('no sync has spoken yet');
  if (state.phase === 'ended') return refused(why(state, 'resume'));
  if (!state.syncEnded) return null;
  if (state.questions.length === 0) return refused('the sync has ended, and nothing waits for an answer');
  if (word === 'absence') return null;
  return refused(
    'the sync has ended, so nothing is written back. Say --accept absence to end this run with the store as it is; its data ' +
      'come from a backup, or after a rollback from the next run, which finds what is missing and asks',
  );
}

/**
 * Returns the reason why an operator cannot accept the authority that the stores record; `null` when the stores record
 * another authority than this migration knows.
 */
export function refusalOfRecord(state: RunState): string | null {
  const said = state.observation?.snapshot.authority ?? null;
  // While a switch is in progress its own answer comes first. When an operator is asked about the switch, it has no
  // answer.
  const settled = !state.switching || state.questions.length > 0;
  const open = state.phase !== 'ended' && !state.sealed && settled;
  const differs = said !== null && (said.side !== state.authority || said.epoch !== state.epoch);
  if (open && differs) return null;
  return `resume --accept record is not possible now: the stores do not say anything else than is known. ${options(legalNow(state), state)}`;
}

/**
 * Returns the reason why a message is refused now, with the messages that are legal instead; `null` when the message is
 * legal.
 */
export function refusal(state: RunState, message: Message, gate?: Approval): string | null {
  const legal = legalNow(state);
  if (!legal.includes(message))
    return `${message} is not possible now: ${why(state, message)}. ${options(legal, state)}`;
  if (message === 'resume' && state.paused === null && state.questions.length === 0)
    return `nothing is paused; what is held back needs --accept absence or --accept restore. ${options(legal, state)}`;
  if (message !== 'approve') return null;
  const asked = state.waitingFor.gate;
  return gate === asked ? null : `nobody waits for the approval of "${gate}". ${options(legal, state)}`;
}

/**
 * Returns the reason why nobody can approve now, because of gates that block; `null` when they do not matter. The end of
 * the rollback window can be approved with any gates.
 *
 * @param blocking the gates that block by a look of this moment
 */
export function refusalByGates(state: RunState, gate: Approval, blocking: readonly Gate[]): string | null {
  if (gate === 'complete' || blocking.length === 0) return null;
  const reasons = blocking.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  return `"${gate}" cannot be approved while gates are not green: ${reasons}. ${options(legalNow(state), state)}`;
}

/** Returns the reason why no gate can be waived now, whatever it says; `null` means: look at the gates. */
export function refusalOfWaiver(state: RunState): string | null {
  const open = state.phase !== 'ended' && !state.sealed && state.stop === null;
  if (open && state.observation !== null) return null;
  return `waive is not possible now: ${why(state, 'waive')}. ${options(legalNow(state), state)}`;
}

/**
 * Returns the reason why a gate cannot be waived: it is measured, or its signal is missing. `null` means that there is
 * nothing to measure it by.
 *
 * @param gates the gates by a look of this moment
 */
export function refusalByMeasure(state: RunState, gate: string, gates: readonly Gate[]): string | null {
  const found = gates.find(({ name }) => name === gate);
  if (found?.waivable) return null;
  const says = found ? `it is ${found.verdict} (${found.reason})` : 'it is not judged';
  return `"${gate}" cannot be waived: ${says}. Only a gate without anything to measure by can be. ${options(legalNow(state), state)}`;
}

function why(state: RunState, message: Message): string {
  if (state.phase === 'ended') return `the migration has ended (${state.outcome})`;
  if (state.sealed) return 'the migration is being completed and the sync has been stopped';
  if (state.stop) return `the migration is going back (${state.stop.reason})`;
  if (message === 'approve' && state.waitingFor.what === 'gates')
    return `gates hold it back: ${state.waitingFor.why}`;
  if (message === 'approve') return `phase ${state.phase} waits for no approval`;
  if (message === 'pause') return 'it is paused already';
  if (message === 'waive') return 'no look at the stores has been taken yet';
  if (message === 'resume') return 'nothing is paused';
  if (!hasFlipped(state)) return message === 'rollback' ? 'V1 still serves, use abort' : 'V1 still serves';
  return 'the completion has been approved';
}

function options(legal: readonly Message[], state: RunState): string {
  const named = legal.map((message) => {
    if (message === 'approve') return `approve ${state.waitingFor.gate}`;
    return message === 'waive' ? `waive ${waivableNow(state).join(' or ')}` : message;
  });
  return named.length > 0 ? `Legal now: ${named.join(', ')}` : 'Nothing can be asked of it any more';
}
