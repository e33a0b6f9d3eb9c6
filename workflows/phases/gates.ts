import { condition } from '@temporalio/workflow';
import type { Approval } from '../../domain/plan/plan.ts';
import { isApproved } from '../../domain/run/run-state.ts';
import type { Run } from '../run.ts';
import { holdMs, watch, watchUntilGreen } from '../poll.ts';

/**
 * The point between two phases where a pause takes effect. The sync and the triggers go on during the pause.
 *
 * @param syncing the sync runs: then observations go on during the pause, so that a trigger can still fire
 */
export async function passGate(run: Run, syncing: boolean): Promise<void> {
  const resumed = () => run.state.paused === null;
  if (resumed()) return;
  if (!syncing) return condition(resumed);
  while (!resumed()) await watch(run, { goal: 'none', or: resumed });
}

/**
 * Observes the running sync until an instant of the plan, in ms since the epoch. Returns at once if that instant is
 * over.
 */
export async function waitUntil(run: Run, instantMs: number, why: string): Promise<void> {
  if (Date.now() >= instantMs) return;
  run.waitFor({ what: 'time', until: new Date(instantMs).toISOString(), why });
  await watch(run, { goal: 'none', untilMs: () => instantMs });
}

/**
 * Waits for green gates, then for a decision. A person decides on the state of that moment: the update `approve` looks
 * at the gates anew and is refused while one of them blocks.
 *
 * @param greenMs how long the gates must be green before the question, ms; after a pause they must be green for the
 *   whole hold of the plan
 */
export async function approvalOnGreen(run: Run, gate: Approval, greenMs: number): Promise<void> {
  const approved = () => isApproved(run.state, gate);
  const paused = () => run.state.paused !== null;
  for (let greenForMs = greenMs; ; greenForMs = holdMs(run)) {
    await passGate(run, true);
    run.waitFor({ what: 'gates', gate, why: `all gates green for ${Math.round(greenForMs / 1000)} s` });
    await watchUntilGreen(run, greenForMs);
    if (paused()) continue;
    if (run.plan.approvals[gate] === 'auto') return run.approve(gate, 'plan', 'automatic: gates are green');
    askFor(run, gate);
    await watch(run, { goal: 'none', or: approved });
    // An operator paused the run during the decision: the gates are checked again after the pause.
    if (!paused()) return;
  }
}

/** Shows which approval the workflow waits for. For the cutover it also shows how long writes would be blocked. */
export function askFor(run: Run, gate: Approval): void {
  const { predictedFenceMs } = run.state;
  const cost =
    gate === 'cutover' && predictedFenceMs !== null
      ? `, writes would be blocked for about ${Math.round(predictedFenceMs)} ms`
      : '';
  run.waitFor({ what: 'approval', gate, why: `somebody has to approve "${gate}"${cost}` });
}
