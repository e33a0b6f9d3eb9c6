import { condition } from '@temporalio/workflow';
import type { Approval } from '../../domain/phase.ts';
import { isApproved } from '../../domain/run-state.ts';
import type { Run } from '../run.ts';
import { holdMs, isGreenNow, watch, watchUntilGreen } from '../watching.ts';

/** The gate between two phases: a pause holds here, while sync and triggers go on. */
export async function passGate(run: Run, syncing: boolean): Promise<void> {
  const resumed = () => run.state.paused === null;
  if (resumed()) return;
  if (!syncing) return condition(resumed);
  while (!resumed()) await watch(run, { goal: 'none', or: resumed });
}

/** Watches the running sync until an instant of the plan; an instant that is over waits for nothing. */
export async function waitUntil(run: Run, instantMs: number, why: string): Promise<void> {
  if (Date.now() >= instantMs) return;
  run.waitFor({ what: 'time', until: new Date(instantMs).toISOString(), why });
  await watch(run, { goal: 'none', untilMs: () => instantMs });
}

/**
 * Waits for a decision on green gates. Gates that turn red while a person thinks are told, and the decision is
 * asked for again: what is approved is what stands there now.
 *
 * @param greenMs how long gates must be green before the first question, ms; a later one needs the whole hold
 */
export async function approvalOnGreen(run: Run, gate: Approval, greenMs: number): Promise<void> {
  for (let greenForMs = greenMs; ; greenForMs = holdMs(run)) {
    run.waitFor({ what: 'gates', gate, why: `all gates green for ${Math.round(greenForMs / 1000)} s` });
    await watchUntilGreen(run, greenForMs);
    await passGate(run, true);
    // Paused while deciding: the gates are asked again once it is over.
    if ((await decided(run, gate)) && run.state.paused === null) return;
  }
}

/** False when the gates turned red first. */
async function decided(run: Run, gate: Approval): Promise<boolean> {
  const approved = () => isApproved(run.state, gate);
  if (run.plan.approvals[gate] === 'auto') {
    if (!(await isGreenNow(run))) return false;
    run.approve(gate, 'plan', 'automatic: gates are green');
    return true;
  }
  askFor(run, gate);
  await watch(run, { goal: 'red', or: approved });
  if (!approved()) return false;
  if (await isGreenNow(run)) return true;
  run.withdraw(gate);
  run.note({ lastFailure: `gates were not green when "${gate}" was approved: it has to be approved again` });
  return false;
}

/** Says who is waited for; a switch of the authority tells what it would cost. */
export function askFor(run: Run, gate: Approval): void {
  const { predictedFenceMs } = run.state;
  const cost =
    gate === 'cutover' && predictedFenceMs !== null
      ? `, writes would be blocked for about ${Math.round(predictedFenceMs)} ms`
      : '';
  run.waitFor({ what: 'approval', gate, why: `somebody has to approve "${gate}"${cost}` });
}
