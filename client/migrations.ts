import {
  type Client,
  type Connection,
  isGrpcDeadlineError,
  type WorkflowExecutionDescription,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { Plan } from '../domain/plan.ts';
import type { Progress } from '../domain/progress.ts';
import type { Report } from '../domain/report.ts';
import { abortSignal, type PreflightResult, progressQuery } from '../workflows/messages.ts';
import { TASK_QUEUES, WORKFLOW_TYPES, workflowIdOf } from '../workflows/names.ts';
import { describedProgress } from './described-progress.ts';
import { endedHow, isRunning } from './ended.ts';
import { EXIT, VerbFailed } from './exit.ts';
import type { TemporalAccess } from './temporal.ts';

const QUERY_MS = 3_000;
const UPDATE_MS = 15_000;

/** A migration's progress, and whether a worker told it or only Temporal did. */
export type Seen = { readonly progress: Progress; readonly byWorker: boolean };

/** The typed client: what can be asked of migrations, by workflow id. What is refused is a `VerbFailed`. */
export class Migrations {
  readonly #client: Client;
  readonly #connection: Connection;

  constructor({ client, connection }: TemporalAccess) {
    this.#client = client;
    this.#connection = connection;
  }

  async start(plan: Plan): Promise<{ readonly workflowId: string; readonly runId: string }> {
    const workflowId = workflowIdOf(plan.migration);
    try {
      const handle = await this.#client.workflow.start(WORKFLOW_TYPES.migration, {
        workflowId,
        taskQueue: TASK_QUEUES.control,
        args: [plan],
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `Migration ${plan.migration}: ${plan.stores.map((store) => store.name).join(', ')}`,
      });
      return { workflowId, runId: handle.firstExecutionRunId };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      const text = `${workflowId} is running already. Legal now: progress, approve, pause, configure, abort.`;
      throw new VerbFailed(EXIT.refused, text, { cause: error });
    }
  }

  /** Runs the checks alone. A run of the same migration's checks gives way: the last asker's plan counts. */
  preflight(plan: Plan): Promise<PreflightResult> {
    return this.#client.workflow.execute(WORKFLOW_TYPES.preflight, {
      workflowId: workflowIdOf(`preflight-${plan.migration}`),
      taskQueue: TASK_QUEUES.control,
      args: [plan],
      workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    });
  }

  /** Workflow ids of the migrations that run now. */
  async running(): Promise<readonly string[]> {
    const found: string[] = [];
    const query = `WorkflowType = '${WORKFLOW_TYPES.migration}' AND ExecutionStatus = 'Running'`;
    for await (const run of this.#client.workflow.list({ query })) found.push(run.workflowId);
    return found;
  }

  async isRunning(workflowId: string): Promise<boolean> {
    try {
      return isRunning(await this.#handle(workflowId).describe());
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  async describe(workflowId: string): Promise<WorkflowExecutionDescription> {
    try {
      return await this.#handle(workflowId).describe();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      throw new VerbFailed(EXIT.refused, `There is no run ${workflowId}. Legal now: start.`, {
        cause: error,
      });
    }
  }

  /** Fails when the run has ended, with how it ended. */
  async insistOnRunning(workflowId: string): Promise<void> {
    const description = await this.describe(workflowId);
    if (isRunning(description)) return;
    const how = await endedHow(description, () => this.report(workflowId));
    throw new VerbFailed(EXIT.refused, `${workflowId} ${how}. Legal now: report, start.`);
  }

  /** Asks the worker; when none answers, says what Temporal itself knows. */
  async progress(workflowId: string): Promise<Seen> {
    const description = await this.describe(workflowId);
    try {
      const ask = () => this.#handle(workflowId).query(progressQuery);
      return { progress: await this.#connection.withDeadline(Date.now() + QUERY_MS, ask), byWorker: true };
    } catch {
      const progress = await describedProgress(description, () => this.report(workflowId));
      return { progress, byWorker: false };
    }
  }

  /** Reaches the run also while no worker does. */
  async abort(workflowId: string, input: { readonly reason: string; readonly by: string }): Promise<void> {
    await this.insistOnRunning(workflowId);
    await this.#handle(workflowId).signal(abortSignal, input);
  }

  async update<Input>(
    workflowId: string,
    update: UpdateDefinition<Progress, [Input]>,
    input: Input,
  ): Promise<Progress> {
    await this.insistOnRunning(workflowId);
    try {
      const send = () => this.#handle(workflowId).executeUpdate(update, { args: [input] });
      return await this.#connection.withDeadline(Date.now() + UPDATE_MS, send);
    } catch (error) {
      throw updateFailure(error, update.name);
    }
  }

  /** Waits for the end. */
  report(workflowId: string): Promise<Report> {
    return this.#handle(workflowId).result();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #handle(workflowId: string): WorkflowHandle {
    return this.#client.workflow.getHandle(workflowId);
  }
}

function updateFailure(error: unknown, update: string): unknown {
  if (error instanceof WorkflowUpdateFailedError) {
    return new VerbFailed(EXIT.refused, error.cause?.message ?? `${update} was refused`, { cause: error });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error)) {
    const text = `No worker has answered ${update}: start one (jday worker), look at jday progress, then ask again.`;
    return new VerbFailed(EXIT.error, text, { cause: error });
  }
  return error;
}
