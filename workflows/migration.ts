import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  TemporalFailure,
} from '@temporalio/workflow';
import { FAILURES } from '../domain/run/failure.ts';
import { shapeProblem } from '../domain/plan/plan-shape.ts';
import type { RunOutcome, Plan } from '../domain/plan/plan.ts';
import type { Report } from '../domain/run/report.ts';
import { reportOf } from '../domain/run/report-of.ts';
import { handleMessages } from './message-handlers.ts';
import { createSaga, failureOf, onOurStores, type Saga } from './compensations.ts';
import { copy, readiness, sessions, sync } from './phases/replicate.ts';
import { backupPhase, claimPhase, preflightPhase } from './phases/prepare.ts';
import { cutover, knowWhoServes, rollBack } from './phases/cutover.ts';
import { approvalOnGreen, passGate } from './phases/gates.ts';
import { complete, watchWindow } from './phases/rollback-window.ts';
import { Run, RollbackRequested } from './run.ts';
import { TemporalTeller } from './tell-temporal.ts';
import { confirmStores, holdMs, watchUntilGreen } from './poll.ts';

/** `takeOver`: the token of a claim. An operator says that the run of this claim is gone for good. */
type StartOptions = { readonly takeOver?: string };

/**
 * Runs a whole migration, from the first day of the plan to the end of the rollback window. A signal, a cancellation, a
 * trigger or a failure may abort it at any moment. All of them take the same way back, and every step registers its
 * undo before it runs (`compensations.ts` has the order).
 *
 * @returns the report, also after an abort or a rollback
 * @throws ApplicationFailure `PreflightRed`, `StoresClaimed` or `BadConfiguration` when the migration could not start;
 *   nothing was changed
 */
export async function migration(plan: Plan, { takeOver }: StartOptions = {}): Promise<Report> {
  const problem = shapeProblem(plan);
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, FAILURES.BadConfiguration);
  const run = new Run(plan);
  handleMessages(run);
  const teller = new TemporalTeller(run);
  void CancellationScope.nonCancellable(() => teller.keepTelling());
  const saga = createSaga();
  let outcome: RunOutcome = 'completed';
  try {
    await run.forward.run(() => story(run, saga, takeOver));
  } catch (error) {
    // Any other error is a bug in our code, and no reason to go back. The workflow task fails, and Temporal tries it
    // again once the bug is fixed.
    if (!(error instanceof RollbackRequested || error instanceof TemporalFailure)) throw error;
    outcome = await abortOrRollBack(run, saga, error);
    // The start has failed and nothing was changed. There is no migration to report on, so the workflow itself fails.
    if (isRefusal(run, error)) throw refused(error);
  }
  run.note({ phase: 'ended', outcome, waitingFor: { what: 'nothing', why: `the migration is ${outcome}` } });
  // Shielded, because in a cancelled scope every wait throws at once.
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  teller.tell();
  return reportOf(run.state, outcome, Date.now());
}

/** Runs the phases. Their order is what keeps the data safe; domain/plan/plan.ts says why. */
async function story(run: Run, saga: Saga, takeOver?: string): Promise<void> {
  await preflightPhase(run);
  await claimPhase(run, saga, takeOver);
  run.enter('backup');
  await backupPhase(run, 'j-7');
  await passGate(run, false);

  const background = await copy(run, saga);
  await passGate(run, true);
  await sync(run);
  await passGate(run, true);
  await readiness(run, saga);
  await passGate(run, true);
  await sessions(run);

  run.enter('validation');
  // The backup runs before the gates are held. So its load makes no gate red, and it is fresh when the fence is raised.
  await backupPhase(run, 'j-day');
  run.waitFor({ what: 'gates', gate: 'cutover', why: 'all gates green, held for a while' });
  await watchUntilGreen(run, holdMs(run));
  run.enter('approval');
  await approvalOnGreen(run, 'cutover', 0);

  await cutover(run);
  await watchWindow(run);
  await complete(run, background);
}

function isRefusal(run: Run, error: unknown): boolean {
  const { type } = failureOf(error);
  // Later on the same failure may come from a worker of another version. Then there is a migration to report on.
  const isBadPlan = type === FAILURES.BadConfiguration && run.known() === null;
  return isBadPlan || type === FAILURES.PreflightRed || type === FAILURES.StoresClaimed;
}

function refused(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const { type, message } = failureOf(error);
  return ApplicationFailure.nonRetryable(message, type);
}

/**
 * Goes back: abort, cancellation, trigger and failure all end here. Before the flip it opens V1 and clears V2. After
 * the flip it first moves the authority back to V1, together with every write.
 *
 * @returns `aborted` when V1 had the authority, `rolled-back` when V2 had it
 */
async function abortOrRollBack(run: Run, saga: Saga, error: unknown): Promise<RunOutcome> {
  const wish = isCancellation(error)
    ? { by: 'temporal', reason: 'the workflow was cancelled' }
    : { by: 'failure', reason: failureOf(error).message };
  run.note({ stop: run.state.stop ?? wish, turnedBackAtMs: Date.now(), paused: null });
  return CancellationScope.nonCancellable(async () => {
    await knowWhoServes(run);
    await confirmStores(run);
    const { authority } = run.state;
    const back = authority === 'target';
    run.note({
      phase: back ? 'rolling-back' : 'aborting',
      waitingFor: { what: 'nothing', why: 'undoing, newest step first' },
    });
    // The rollback comes before every undo: V2 serves, and only the running sync can bring its writes to V1.
    if (back) await rollBack(run);
    await saga.compensate(authority, (step, undo) => undone(run, step, undo));
    return back ? 'rolled-back' : 'aborted';
  });
}

/** Runs one undo. A failure goes into the report and does not stop the other undos. */
async function undone(run: Run, step: string, undo: () => Promise<unknown>): Promise<void> {
  try {
    await onOurStores(run, step, undo);
  } catch (error) {
    run.unfinished(step, failureOf(error).message);
  }
}
