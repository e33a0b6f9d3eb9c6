import type { SwitchRehearsal } from '../../domain/run/report.ts';
import { pollLengthMs } from '../../domain/gates/poll-length.ts';
import { jDayMs } from '../../domain/plan/plan.ts';
import { inOrder } from '../in-order.ts';
import { retryUntilResolved, onOurStores, type Saga } from '../compensations.ts';
import { doing, settling, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import { holdMs, watch } from '../poll.ts';
import { type Background, startBackground } from './background.ts';
import { approvalOnGreen, passGate, waitUntil } from './gates.ts';

/**
 * Copies the model files, then starts the sync. The sync copies while apps write, and runs until the end of the
 * migration.
 *
 * Registers five undos, in the reverse of the order in which an abort runs them (the table stands in
 * `compensations.ts`): 6 drop our traces, 5 put the rules of the apps back, 4 clear V2, 3 stop the sync, 2 carry what
 * was written on V2 to V1. No undo removes the copied model files.
 */
export async function copy(run: Run, saga: Saga): Promise<Background> {
  run.enter('copy');
  saga.before('drop our traces', () =>
    undoing('Undo: saves the journal, drops our keys').dropRecords({
      known: run.known(),
      keepLedger: run.state.rollback !== null,
    }),
  );
  await doing('Copies the model files').copyFiles({});
  const started: { background?: Background } = {};
  // Undo 5 lowers fences on V1 and Nexten only, and lifts a pause on V2. V2's app users, whom undo 2 has fenced, get
  // their rules back at the end of undo 4 (`clearTarget`).
  saga.before(
    'put the rules of the apps back',
    unfence(run, 'Undo: puts the rules of all apps back'),
    'source',
  );
  saga.before(
    'clear V2 of what we wrote',
    async () =>
      run.note({
        cleared: await undoing('Undo: clears V2 of what we wrote').clearTarget({ known: run.known() }),
      }),
    'source',
  );
  saga.before('stop the sync', async () => started.background?.stop());
  saga.before('carry what was written on V2 to V1', drainToSource(run), 'source');
  const background = await startBackground(run);
  started.background = background;
  await watch(run, { goal: 'copied', joins: 'sync' });
  return background;
}

function unfence(run: Run, summary: string) {
  return () =>
    inOrder(run, undoing(summary), (steps, fencingNumber) =>
      steps.unfence({ known: run.known(), fencingNumber }),
    );
}

function drainToSource(run: Run) {
  return () =>
    inOrder(run, settling(), (steps, fencingNumber) =>
      steps.drainToSource({ known: run.known(), fencingNumber }),
    );
}

/** Only observes, until the day of the rehearsal. */
export async function sync(run: Run): Promise<void> {
  const { plan, state } = run;
  run.enter('sync');
  const readinessMs = jDayMs(plan, state.startedAtMs) + plan.timeline.readinessDay * plan.dayMs;
  await waitUntil(run, readinessMs, `the rehearsal is on J${plan.timeline.readinessDay}`);
}

/**
 * Rehearses the switch on probe keys until it succeeds, then waits for the decision go or no-go. Registers undo 1,
 * "open V1": a cutover that comes later may leave V1 fenced.
 */
export async function readiness(run: Run, saga: Saga): Promise<void> {
  const { plan } = run;
  run.enter('readiness');
  const open = unfence(run, 'Undo: opens V1');
  saga.before('open V1', () => retryUntilResolved(run, 'opening V1', open), 'source');
  const beganMs = Date.now();
  for (let problem = await rehearse(run); problem !== null; problem = await rehearse(run)) {
    run.note({ lastFailure: problem });
    run.waitFor({ what: 'gates', gate: 'readiness', why: problem });
    const againMs = Date.now() + pollLengthMs(Date.now() - beganMs);
    await watch(run, { goal: 'none', untilMs: () => againMs, sinceMs: beganMs });
  }
  await approvalOnGreen(run, 'readiness', holdMs(run));
  await waitUntil(run, jDayMs(plan, run.state.startedAtMs), 'sessions join on J-Day');
}

/** @returns what the rehearsal found wrong, as a sentence; `null` = nothing */
async function rehearse(run: Run): Promise<string | null> {
  const found = await onOurStores(run, 'the rehearsal', () =>
    doing('Rehearses the switch on probe keys, both ways').rehearseSwitch({}),
  );
  run.note({ predictedFenceMs: found.predictedFenceMs });
  const problem = problemOf(found, run.plan.gates.fenceBudgetMs);
  if (problem === null) run.note({ lastFailure: null });
  return problem;
}

function problemOf({ fenceProof, predictedFenceMs }: SwitchRehearsal, budgetMs: number): string | null {
  const open = fenceProof.filter((proof) => proof.users > 0 && !proof.proven);
  if (open.length > 0)
    return open.map(({ store, why }) => why ?? `a fenced app could still write on ${store}`).join('; ');
  return predictedFenceMs <= budgetMs
    ? null
    : `a cutover would block writes for about ${Math.round(predictedFenceMs)} ms, the budget is ${budgetMs} ms`;
}

/**
 * Lets the sessions join the sync. Then waits until the verifier has counted them since, and the gate `sessions` does not
 * block. It waits for no whole pass.
 */
export async function sessions(run: Run): Promise<void> {
  run.enter('sessions');
  await onOurStores(run, 'letting the sessions join', () =>
    doing('Lets the sessions join the sync').joinSessions({}),
  );
  run.waitFor({ what: 'gates', why: 'every live session on both sides, none lost' });
  await watch(run, { goal: 'copied', joins: 'jday' });
  await passGate(run, true);
}
