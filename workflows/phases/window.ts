import { CancellationScope } from '@temporalio/workflow';
import { isApproved } from '../../domain/run-state.ts';
import { verifyAgainMs } from '../../domain/verify-again.ts';
import { failureOf } from '../failure-of.ts';
import { insist } from '../insist.ts';
import { doing, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import { watch } from '../watching.ts';
import type { Background } from './background.ts';
import { askFor, passGate } from './waiting.ts';

/** Of the last look, ms. */
const LAST_LOOK_MS = 1_000;

/** V2 serves, V1 is kept current, triggers are armed: until the window is over and its end approved. */
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
    if (plan.approvals.complete === 'auto' && !open())
      run.approve('complete', 'plan', 'automatic: the window is over');
    if (!approved()) askFor(run, 'complete');
    while (!approved() && !open()) await watch(run, { goal: 'none', or: () => approved() || open() });
  }
  await passGate(run, true);
}

/** The last two-way verification, then the sync ends, and with it the lossless way back. */
export async function complete(run: Run, background: Background): Promise<void> {
  run.enter('complete');
  let heldUpSinceMs = Date.now();
  for (;;) {
    const problem = (await verifyAll(run)) ?? (await lastLook(run));
    if (problem === null && run.state.paused === null) break;
    if (problem !== null && (await decidedBefore(run, problem, heldUpSinceMs))) heldUpSinceMs = Date.now();
    await passGate(run, true);
  }
  run.throwIfTurnedBack();
  run.note({ sealed: true, lastFailure: null, waitingFor: { what: 'nothing', why: 'ending the sync' } });
  await CancellationScope.nonCancellable(() => endSync(run, background));
}

/** Watches until it is time to verify again, or until an operator has decided on what is held back: then true. */
async function decidedBefore(run: Run, problem: string, sinceMs: number): Promise<boolean> {
  run.note({ lastFailure: problem });
  run.waitFor({ what: 'gates', gate: 'complete', why: problem });
  const againMs = Date.now() + verifyAgainMs(Date.now() - sinceMs);
  const nudged = run.nudged();
  await watch(run, { goal: 'none', untilMs: () => againMs, or: nudged, sinceMs });
  return nudged();
}

/** V1 may have come back without its fence, or without its record, while everything was verified (L1). */
async function lastLook(run: Run): Promise<string | null> {
  const endsMs = Date.now() + LAST_LOOK_MS;
  await watch(run, { goal: 'none', untilMs: () => endsMs });
  const serves = run.state.observation?.snapshot.authority?.side;
  return serves === 'target' ? null : 'the stores do not agree that V2 serves';
}

/** What the last verification found wrong; nothing compared is wrong too (L7). */
async function verifyAll(run: Run): Promise<string | null> {
  const { plan } = run;
  const found = await insist(run, 'the last verification', () =>
    doing('Verifies everything, both ways, a last time').verifyAll({ plan }),
  );
  if (found.diverged > 0) return `the last verification found ${found.diverged} differing keys`;
  return found.compared > 0 ? null : 'the last verification compared nothing';
}

async function endSync(run: Run, background: Background): Promise<void> {
  const { plan } = run;
  await background.stop();
  const steps = [
    [
      'drop our traces',
      () => undoing('Saves the journal, drops our keys').dropTraces({ plan, keepLedger: false }),
    ],
    ['give the stores free', () => undoing('Gives the stores free').release({ plan })],
  ] as const;
  for (const [step, act] of steps)
    await act().catch((error: unknown) => run.unfinished(step, failureOf(error).message));
}
