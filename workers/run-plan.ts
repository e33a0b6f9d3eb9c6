import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Plan } from '../domain/plan/plan.ts';

/** Plans that one process remembers. It serves one migration, rarely a few. */
const REMEMBERED = 20;

export type Execution = { readonly workflowId: string; readonly runId: string };

/**
 * Reads the plan of a run: the input with which it was started. It never changes, so a process reads it once.
 *
 * @returns a function that resolves to `null` when the run was started without an input
 */
export function planReader(client: Client): (execution: Execution) => Promise<Plan | null> {
  const plans = new Map<string, Plan>();
  return async (execution) => {
    const known = plans.get(execution.runId);
    if (known) return known;
    const plan = await readPlan(client, execution);
    if (plan === null) return null;
    const [oldest] = plans.keys();
    if (plans.size >= REMEMBERED && oldest !== undefined) plans.delete(oldest);
    plans.set(execution.runId, plan);
    return plan;
  };
}

async function readPlan({ workflowService, options }: Client, execution: Execution): Promise<Plan | null> {
  const { history } = await workflowService.getWorkflowExecutionHistory({
    namespace: options.namespace,
    execution,
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const input = started?.input?.payloads?.[0];
  return input ? defaultPayloadConverter.fromPayload<Plan>(input) : null;
}
