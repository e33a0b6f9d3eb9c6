import { CancellationScope, patched } from '@temporalio/workflow';
import { isApproved } from '../../domain/run/run-state.ts';
import { storesDoubt } from '../../domain/gates/gate.ts';
import { verifyAgainMs } from '../../domain/gates/poll-length.ts';
import { failureOf, retryUntilResolved, onOurStores } from '../compensations.ts';
import { doing, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import { holdMs, watch } from '../poll.ts';
import type { Background } from './background.ts';
import { askFor, passGate } from './gates.ts';

/** Length of the last observation before the completion, ms. */
const LAST_LOOK_MS = 1_000;

/**
 * The rollback window: V2 serves, the sync keeps V1 current, and the triggers are armed. Ends when the window is over
 * and the completion is approved.
 */
export async function watchWindow(run: Run): Promise<void> {
  const { plan } = run;
  run.enter('watch');
  run.note({ windowEndsAtMs: Date.now() + plan.timeline.windowDays * plan.dayMs });
  const endsAtMs = () => run.state.windowEndsAtMs ?? 0;
  const approved = () => isApproved(run.state, 'complete');
  const open = () => Date.now() < endsAtMs() && !approved();
  while (!approved()) {
    while (open()) {
      run.waitFor({
        what: 'time',
        until: new Date(endsAtMs()).toISOString(),
        why: 'the rollback window is open',
      });
      await watch(run, { goal: 'none', untilMs: endsAtMs, or: approved });
    }
    await passGate(run, true);
    const decided = () => approved() || open();
    if (decided()) continue;
    if (plan.approvals.complete === 'manual') await askToComplete(run, decided);
    else if (patched('window-ends-on-green')) await approveOnGreen(run, decided);
    else run.approve('complete', 'plan', 'automatic: the window is over');
  }
  await passGate(run, true);
}

/**
 * Ends the window without a person, but only on green gates: after the end there is no lossless way back. So a fault
 * that the verifier or the sync knows of keeps the window open until a trigger fires, the fault is repaired, or a
 * person decides.
 */
async function approveOnGreen(run: Run, decided: () => boolean): Promise<void> {
  const why = 'the window is over; all gates green before it ends by itself';
  run.waitFor({ what: 'gates', gate: 'complete', why });
  await watch(run, { goal: 'green', holdMs: holdMs(run), or: decided });
  if (decided() || run.state.paused !== null) return;
  run.approve('complete', 'plan', 'automatic: the window is over and gates are green');
}

async function askToComplete(run: Run, decided: () => boolean): Promise<void> {
  askFor(run, 'complete');
  while (!decided()) await watch(run, { goal: 'none', or: decided });
}

/** Verifies everything a last time, then ends the sync. With the sync the lossless way back ends too. */
export async function complete(run: Run, background: Background): Promise<void> {
  run.enter('complete');
  let heldUpSinceMs = Date.now();
  for (;;) {
    const problem = (await verifyAll(run)) ?? (await lastLook(run));
    if (problem === null && run.state.paused === null) break;
    if (problem !== null && (await decidedBefore(run, problem, heldUpSinceMs))) heldUpSinceMs = Date.now();
    await passGate(run, true);
  }
  run.throwIfRollbackRequested();
  run.note({ sealed: true, lastFailure: null, waitingFor: { what: 'nothing', why: 'ending the sync' } });
  await CancellationScope.nonCancellable(() => endSync(run, background));
}

/**
 * Observes until it is time to verify again, or until an operator decides on a suspect side.
 *
 * @returns true when an operator has decided
 */
async function decidedBefore(run: Run, problem: string, sinceMs: number): Promise<boolean> {
  run.note({ lastFailure: problem });
  run.waitFor({ what: 'gates', gate: 'complete', why: problem });
  const againMs = Date.now() + verifyAgainMs(Date.now() - sinceMs);
  const nudged = run.nudged();
  await watch(run, { goal: 'none', untilMs: () => againMs, or: nudged, sinceMs });
  return nudged();
}

/**
 * Observes once more after the verification. V1 may have restarted during the verification and lost its fence or its
 * authority record. Without this check the completion would leave two sides open to writes.
 *
 * @returns a sentence that says what is wrong; `null` = nothing
 */
async function lastLook(run: Run): Promise<string | null> {
  const endsMs = Date.now() + LAST_LOOK_MS;
  await watch(run, { goal: 'none', untilMs: () => endsMs });
  const { observation } = run.state;
  const doubt = observation && (observation.snapshot.unseen ?? storesDoubt(observation.snapshot, run.state));
  if (doubt) return doubt;
  const serves = observation?.snapshot.authority?.side;
  return serves === 'target' ? null : 'the stores do not agree that V2 serves';
}

/**
 * @returns what the last verification found wrong, as a sentence; `null` = nothing. A verification that compared no key
 *   proves nothing, so it counts as wrong
 */
async function verifyAll(run: Run): Promise<string | null> {
  const found = await retryUntilResolved(run, 'the last verification', () =>
    doing('Verifies everything, both ways, a last time').verifyAll({}),
  );
  if (found.diverged > 0) return `the last verification found ${found.diverged} differing keys`;
  return found.compared > 0 ? null : 'the last verification compared nothing';
}

async function endSync(run: Run, background: Background): Promise<void> {
  const known = run.known();
  await background.stop();
  const steps = [
    [
      'drop our traces',
      () => undoing('Saves the journal, drops our keys').dropRecords({ known, keepLedger: false }),
    ],
    ['give the stores free', () => undoing('Gives the stores free').release({ known })],
  ] as const;
  for (const [step, act] of steps)
    await onOurStores<void>(run, step, act).catch((error: unknown) =>
      run.unfinished(step, failureOf(error).message),
    );
}
