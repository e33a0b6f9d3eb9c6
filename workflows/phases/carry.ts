import type { SwitchRehearsal } from '../activities.ts';
import { lookLengthMs } from '../../domain/look-length.ts';
import { jDayMs } from '../../domain/timeline.ts';
import { insist } from '../insist.ts';
import { doing, settling, undoing } from '../proxies.ts';
import type { Run } from '../run.ts';
import type { Saga } from '../saga.ts';
import { holdMs, watch } from '../watching.ts';
import { type Background, startBackground } from './background.ts';
import { approvalOnGreen, passGate, waitUntil } from './waiting.ts';

/** Files first, then the sync, which copies under live traffic and goes on until the end of the migration. */
export async function copy(run: Run, saga: Saga): Promise<Background> {
  const { plan } = run;
  run.enter('copy');
  saga.before('drop our traces', () =>
    undoing('Undo: saves the journal, drops our keys').dropTraces({
      plan,
      keepLedger: run.state.rollback !== null,
    }),
  );
  await doing('Copies the model files').copyFiles({ plan });
  const started: { background?: Background } = {};
  // Settling fences V2's apps for good measure; their rules come back once V2 is as it was.
  saga.before(
    'put the rules of the apps back',
    () => undoing('Undo: puts the rules of all apps back').unfence({ plan }),
    'source',
  );
  saga.before(
    'clear V2 of what we wrote',
    async () =>
      run.note({ cleared: await undoing('Undo: clears V2 of what we wrote').clearTarget({ plan }) }),
    'source',
  );
  saga.before('stop the sync', async () => started.background?.stop());
  saga.before('carry what was written on V2 to V1', () => settling().settleSource({ plan }), 'source');
  const background = await startBackground(run);
  started.background = background;
  await watch(run, { goal: 'copied', joins: 'sync' });
  return background;
}

/** Nothing but watching, until the day of the rehearsal. */
export async function sync(run: Run): Promise<void> {
  const { plan, state } = run;
  run.enter('sync');
  const readinessMs = jDayMs(plan, state.startedAtMs) + plan.timeline.readinessDay * plan.dayMs;
  await waitUntil(run, readinessMs, `the rehearsal is on J${plan.timeline.readinessDay}`);
}

/** The switch is rehearsed on probe keys, then somebody says go or no-go. */
export async function readiness(run: Run, saga: Saga): Promise<void> {
  const { plan } = run;
  run.enter('readiness');
  const open = () => undoing('Undo: opens V1').unfence({ plan });
  saga.before('open V1', () => insist(run, 'opening V1', open), 'source');
  const beganMs = Date.now();
  for (let problem = await rehearse(run); problem !== null; problem = await rehearse(run)) {
    run.note({ lastFailure: problem });
    run.waitFor({ what: 'gates', gate: 'readiness', why: problem });
    const againMs = Date.now() + lookLengthMs(Date.now() - beganMs);
    await watch(run, { goal: 'none', untilMs: () => againMs });
  }
  await approvalOnGreen(run, 'readiness', holdMs(run));
  await waitUntil(run, jDayMs(plan, run.state.startedAtMs), 'sessions join on J-Day');
}

/** What the rehearsal found wrong, `null` = nothing. */
async function rehearse(run: Run): Promise<string | null> {
  const found = await doing('Rehearses the switch on probe keys, both ways').rehearseSwitch({
    plan: run.plan,
  });
  run.note({ predictedFenceMs: found.predictedFenceMs });
  const problem = problemOf(found, run.plan.gates.fenceBudgetMs);
  if (problem === null) run.note({ lastFailure: null });
  return problem;
}

function problemOf({ fenceProof, predictedFenceMs }: SwitchRehearsal, budgetMs: number): string | null {
  const open = fenceProof.filter((proof) => proof.users > 0 && !proof.proven).map((proof) => proof.store);
  if (open.length > 0) return `a fenced app could still write on ${open.join(', ')}`;
  return predictedFenceMs <= budgetMs
    ? null
    : `a cutover would block writes for about ${Math.round(predictedFenceMs)} ms, the budget is ${budgetMs} ms`;
}

/** The sessions join, and each live one is accounted for. */
export async function sessions(run: Run): Promise<void> {
  run.enter('sessions');
  await doing('Lets the sessions join the sync').joinSessions({ plan: run.plan });
  run.waitFor({ what: 'gates', why: 'every live session on both sides, none lost' });
  await watch(run, { goal: 'copied', joins: 'jday' });
  await passGate(run, true);
}
