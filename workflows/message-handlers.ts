import { ApplicationFailure, CancellationScope, setHandler } from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { inputProblem, readAbort, readBounds } from '../domain/run/message-input.ts';
import {
  type Message,
  refusal,
  refusalByGates,
  refusalByMeasure,
  refusalOfDecision,
  refusalOfRecord,
  refusalOfWaiver,
} from '../domain/run/legal-now.ts';
import { progressOf } from '../domain/run/progress-of.ts';
import type { Progress } from '../domain/run/progress.ts';
import { throttleOf } from '../domain/plan/throttle.ts';
import {
  abortSignal,
  type ApproveInput,
  approveUpdate,
  completeUpdate,
  configureUpdate,
  extendWindowUpdate,
  pauseUpdate,
  progressQuery,
  type ResumeInput,
  resumeUpdate,
  rollbackUpdate,
  type WaiveInput,
  waiveUpdate,
} from './messages.ts';
import type { Run } from './run.ts';
import { linksOf } from '../domain/plan/plan.ts';
import type { Acceptance } from '../domain/protocol/loss-suspicion.ts';
import { failureOf } from './compensations.ts';
import { deciding } from './proxies.ts';
import { blockingNow, pollNow } from './poll.ts';

/**
 * Registers the query, the signal and the updates of a run. A handler changes the state at once; only a decision on a
 * suspect side waits, for the stores. The workflow waits for conditions over the state and reacts.
 */
export function handleMessages(run: Run): void {
  setHandler(progressQuery, () => progressOf(run.state, Date.now()), {
    description: 'Where the migration stands, by its last look at the stores',
  });
  setHandler(abortSignal, (input) => run.requestRollback(readAbort(input)), {
    description: 'V1 serves again, nothing is lost; takes {reason, by} or a plain text',
  });
  const decide = deciderOf(run);
  answerApprove(run);
  answerWaive(run);
  decide(pauseUpdate, ['by', 'reason'], ({ by, reason }) => run.note({ paused: { by, reason } }));
  answerResume(run);
  decide(configureUpdate, ['by', 'bounds'], (input) => configure(run, input));
  decide(extendWindowUpdate, ['days', 'by'], ({ days }) => extend(run, days));
  decide(rollbackUpdate, ['by', 'reason'], ({ by, reason }) => run.requestRollback({ by, reason }));
  decide(completeUpdate, ['by', 'reason'], ({ by, reason }) => run.approve('complete', by, reason));
}

/** Temporal runs the validator before it accepts an update. A refused update leaves no event in the history. */
function deciderOf(run: Run) {
  return <I>(
    update: UpdateDefinition<Progress, [I], Message>,
    fields: Parameters<typeof inputProblem>[1],
    act: (input: I) => void,
  ): void => {
    const answer = (input: I): Progress => {
      act(input);
      return progressOf(run.state, Date.now());
    };
    const validator = (input: I): void => {
      const problem = inputProblem(input, fields) ?? refusal(run.state, update.name, gateOf(input));
      if (problem) throw new Error(problem);
    };
    setHandler(update, answer, { validator });
  };
}

/**
 * Registers the update `approve`. It looks at the gates of this moment: the last look of the workflow may be hours old.
 */
function answerApprove(run: Run): void {
  const refuse = ({ gate }: ApproveInput) => refusal(run.state, approveUpdate.name, gate);
  const answer = async (input: ApproveInput): Promise<Progress> => {
    const blocking = input.gate === 'complete' ? [] : await blockingNow(run);
    // The run may have gone on during the look.
    const problem = refusalByGates(run.state, input.gate, blocking) ?? refuse(input);
    if (problem) throw ApplicationFailure.nonRetryable(problem, 'Refused');
    run.approve(input.gate, input.by, input.reason);
    return progressOf(run.state, Date.now());
  };
  const validator = (input: ApproveInput): void => {
    const problem = inputProblem(input, ['gate', 'by', 'reason']) ?? refuse(input);
    if (problem) throw new Error(problem);
  };
  setHandler(approveUpdate, answer, { validator });
}

/** Registers the update `waive`. Like an approval it looks at the gates of this moment. */
function answerWaive(run: Run): void {
  const answer = async ({ gate, by, reason }: WaiveInput): Promise<Progress> => {
    const { gates } = await pollNow(run, 'Looks before a waiver');
    const problem = refusalOfWaiver(run.state) ?? refusalByMeasure(run.state, gate, gates);
    if (problem) throw ApplicationFailure.nonRetryable(problem, 'Refused');
    run.waive({ gate, by, reason });
    return progressOf(run.state, Date.now());
  };
  const validator = (input: WaiveInput): void => {
    const problem = inputProblem(input, ['waivable', 'by', 'reason']) ?? refusalOfWaiver(run.state);
    if (problem) throw new Error(problem);
  };
  setHandler(waiveUpdate, answer, { validator });
}

function configure(run: Run, input: unknown): void {
  const now = run.state.configured ?? throttleOf(run.plan);
  run.note({ configured: { ...now, ...readBounds(input) } });
}

function extend(run: Run, days: number): void {
  run.note({ windowEndsAtMs: (run.state.windowEndsAtMs ?? Date.now()) + days * run.plan.dayMs });
}

function gateOf(input: unknown): Parameters<typeof refusal>[2] {
  return (input as { readonly gate?: Parameters<typeof refusal>[2] } | null)?.gate;
}

/**
 * Registers the update `resume`. Without `accept` it ends a pause and tries again every step that waits for an
 * operator. With `accept: record` this run takes over the authority record of the stores. With another `accept` it is a
 * decision on a suspect side: the answer comes after the syncs have been told, and shows what they made of the
 * decision.
 */
function answerResume(run: Run): void {
  const answer = async (input: ResumeInput): Promise<Progress> => {
    if (input.accept === 'record') acceptRecord(run);
    else if (input.accept) await decide(run, input, input.accept);
    else resume(run);
    return progressOf(run.state, Date.now());
  };
  const validator = (input: ResumeInput): void => {
    const problem = inputProblem(input, ['by', 'accept', 'link', 'side']) ?? refusalOf(run, input);
    if (problem) throw new Error(problem);
  };
  setHandler(resumeUpdate, answer, { validator });
}

function refusalOf({ plan, state }: Run, { accept, link }: ResumeInput): string | null {
  const links = linksOf(plan).map(({ name }) => name);
  if (link !== undefined && !links.includes(link))
    return `the plan has no link "${link}": say ${links.join(' or ')}`;
  if (accept === 'record') return refusalOfRecord(state);
  return accept ? refusalOfDecision(state, accept) : refusal(state, 'resume');
}

/**
 * The operator says that the stores are right. From here on this run knows the authority record that the stores hold.
 */
function acceptRecord(run: Run): void {
  const said = run.state.observation?.snapshot.authority;
  if (said) run.serves(said.side, said.epoch);
  run.doubt(null);
  run.nudge();
}

function resume(run: Run): void {
  run.note({ paused: null });
  run.nudge();
}

async function decide(run: Run, { link, side }: ResumeInput, word: Acceptance): Promise<void> {
  const input = {
    word,
    ...(link && { link }),
    ...(side && { side }),
    ...(run.state.syncEnded && { syncEnded: true as const }),
  };
  try {
    // Shielded from cancellation: the undos of a cancelled workflow may be waiting for exactly this decision.
    await CancellationScope.nonCancellable(() => deciding(word).resolveSuspicion(input));
  } catch (error) {
    const { type, message } = failureOf(error);
    throw ApplicationFailure.nonRetryable(message, type);
  }
  run.nudge();
  await CancellationScope.nonCancellable(() => pollNow(run, 'Looks after a decision'));
}
