import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  TemporalFailure,
} from '@temporalio/workflow';
import { FAILURES } from '../domain/failure.ts';
import type { Outcome } from '../domain/phase.ts';
import type { Plan } from '../domain/plan.ts';
import type { Report } from '../domain/report.ts';
import { reportOf } from '../domain/report-of.ts';
import { answerMessages } from './answers.ts';
import { failureOf } from './failure-of.ts';
import { copy, readiness, sessions, sync } from './phases/carry.ts';
import { backup, claim, preflight } from './phases/prepare.ts';
import { cutover } from './phases/switch.ts';
import { approvalOnGreen, passGate } from './phases/waiting.ts';
import { complete, watchWindow } from './phases/window.ts';
import { Run, TurnedBack } from './run.ts';
import { createSaga, type Saga } from './saga.ts';
import { goBack } from './way-back.ts';
import { holdMs, watchUntilGreen } from './watching.ts';

/**
 * A whole migration, from J-7 to the end of the rollback window. Aborted at any moment, by signal, cancellation,
 * trigger or failure, it takes one way back; each undo is registered before its step (L9).
 */
export async function migration(plan: Plan): Promise<Report> {
  const run = new Run(plan);
  answerMessages(run);
  const saga = createSaga();
  let outcome: Outcome = 'completed';
  try {
    await run.forward.run(() => story(run, saga));
  } catch (error) {
    // A bug of ours is not a reason to go back: the workflow task fails and is tried again once it is mended.
    if (!(error instanceof TurnedBack || error instanceof TemporalFailure)) throw error;
    outcome = await goBack(run, saga, error);
    // Nothing was changed: the start has failed, there is no migration to report on.
    if (isRefusal(error)) throw refused(error);
  }
  run.note({ phase: 'ended', outcome, waitingFor: { what: 'nothing', why: `the migration is ${outcome}` } });
  // Shielded: after a cancellation every wait outside would throw.
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  return reportOf(run.state, outcome, Date.now());
}

/** The order is the product; see domain/phase.ts. */
async function story(run: Run, saga: Saga): Promise<void> {
  await preflight(run);
  await claim(run, saga);
  run.enter('backup');
  await backup(run, 'j-7');
  await passGate(run, false);

  const background = await copy(run, saga);
  await passGate(run, true);
  await sync(run);
  await passGate(run, true);
  await readiness(run, saga);
  await passGate(run, true);
  await sessions(run);

  run.enter('validation');
  // Before the gates are held, so that it burdens none of them and is fresh when the fence comes.
  await backup(run, 'j-day');
  run.waitFor({ what: 'gates', gate: 'cutover', why: 'all gates green, held for a while' });
  await watchUntilGreen(run, holdMs(run));
  run.enter('approval');
  await approvalOnGreen(run, 'cutover', 0);

  await cutover(run, saga);
  await watchWindow(run);
  await complete(run, background);
}

function isRefusal(error: unknown): boolean {
  const { type } = failureOf(error);
  return type === FAILURES.PreflightRed || type === FAILURES.StoresClaimed;
}

function refused(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const { type, message } = failureOf(error);
  return ApplicationFailure.nonRetryable(message, type);
}
