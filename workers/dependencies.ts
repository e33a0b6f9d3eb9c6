import { isGrpcServiceError, WorkflowNotFoundError } from '@temporalio/client';
import type { ActivityAttempt, Dependencies, Recorder } from '../activities/dependencies.ts';
import { allowedEnvironment } from '../domain/plan/allowance.ts';
import type { Holder } from '../domain/authority/claim.ts';
import type { HolderState } from '../redis/state/claim.ts';
import { SEARCH_ATTRIBUTES, workflowIdOf } from '../workflows/names.ts';
import type { TemporalLink } from './temporal.ts';

/**
 * The dependencies of the activities in a real worker: what this process allows a plan, its metrics, and its Temporal.
 */
export function dependenciesOf(
  temporal: TemporalLink,
  record: Recorder,
  given: Pick<Dependencies, 'stopping' | 'stopped' | 'allowance'>,
): Dependencies {
  return {
    environment: allowedEnvironment(process.env, given.allowance),
    record,
    searchAttributes: () => registerSearchAttributes(temporal),
    runState: (claim) => runState(temporal, claim),
    isWanted: (attempt) => isWanted(temporal, attempt),
    cluster: remembered(() => clusterId(temporal)),
    retentionMs: () => retentionMs(temporal),
    ...given,
  };
}

/**
 * A workflow that was reset goes on as a newer run that names the same first run, while the first run itself is closed.
 * So when the newest run names the claim's run as its first one, the state of the newest run counts.
 */
async function runState({ client }: TemporalLink, { migration, run }: Holder): Promise<HolderState> {
  const workflowId = workflowIdOf(migration);
  try {
    const newest = await client.workflow.getHandle(workflowId).describe();
    const isNewest = newest.raw.workflowExecutionInfo?.firstRunId === run;
    const named = isNewest ? newest : await client.workflow.getHandle(workflowId, run).describe();
    return named.status.name === 'RUNNING' ? 'running' : 'closed';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}

/**
 * Longest wait for the answer of `isWanted`, ms. Without it a connection that swallows everything would block the
 * question.
 */
const WANTED_MS = 5_000;
/** Values of Temporal's PendingActivityState: 1 scheduled, 2 started. Left out: cancel requested, paused. */
const WANTED_STATES = new Set([1, 2]);

/**
 * A later attempt may have begun already; the answer is still true. That attempt takes the lease itself, and so ends
 * the earlier one.
 */
async function isWanted({ client }: TemporalLink, { activityId, workflowExecution }: ActivityAttempt) {
  const { workflowId = '', runId = '' } = workflowExecution ?? {};
  try {
    const run = await client.withDeadline(Date.now() + WANTED_MS, () =>
      client.workflow.getHandle(workflowId, runId).describe(),
    );
    const pending = run.raw.pendingActivities?.find((one) => one.activityId === activityId);
    return run.status.name === 'RUNNING' && WANTED_STATES.has(Number(pending?.state));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** gRPC: PERMISSION_DENIED, UNIMPLEMENTED. */
const NOT_TOLD = new Set([7, 12]);

/**
 * @returns the id of the cluster; '' when this account may not read it. Then only the namespace distinguishes this
 *   Temporal from others
 */
async function clusterId({ connection }: TemporalLink): Promise<string> {
  try {
    return (await connection.workflowService.getClusterInfo({})).clusterId ?? '';
  } catch (error) {
    if (isGrpcServiceError(error) && NOT_TOLD.has(error.code)) return '';
    throw error;
  }
}

/** Asks once and keeps the answer. A question that failed is asked again. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

async function retentionMs({ connection, namespace }: TemporalLink): Promise<number | null> {
  try {
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    const seconds = config?.workflowExecutionRetentionTtl?.seconds;
    return seconds === undefined || seconds === null ? null : Number(seconds) * 1_000;
  } catch {
    return null; // This account may not read it: unknown, and the preflight check says so.
  }
}

const KEYWORD = 2;

/**
 * Registers our search attributes when the server allows it. When it does not (missing rights, a cloud namespace), the
 * migration works without them: only lists in the Temporal UI use them.
 *
 * @returns whether the server knows all of them now
 */
async function registerSearchAttributes({ connection, namespace }: TemporalLink): Promise<boolean> {
  const wanted = Object.values(SEARCH_ATTRIBUTES);
  const known = async () => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return wanted.every((name) => customAttributes?.[name] !== undefined);
  };
  try {
    if (await known()) return true;
    const searchAttributes = Object.fromEntries(wanted.map((name) => [name, KEYWORD]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    return await known();
  } catch {
    return false;
  }
}
