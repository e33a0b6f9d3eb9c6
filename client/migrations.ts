import {
  Client,
  Connection,
  isGrpcDeadlineError,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { planReader } from '../workers/run-plan.ts';
import { temporalSettings } from '../workers/temporal-settings.ts';
import { temporalUnreachable } from '../workers/temporal-unreachable.ts';
import type { UpdateDefinition } from '@temporalio/common';
import type { Plan } from '../domain/plan/plan.ts';
import type { Progress } from '../domain/run/progress.ts';
import type { Report } from '../domain/run/report.ts';
import { abortSignal, type PreflightResult } from '../workflows/messages.ts';
import { TASK_QUEUES, WORKFLOW_TYPES, workflowIdOf } from '../workflows/names.ts';
import { endedHow, isRunning, type SeenProgress, toldProgress } from './told-progress.ts';
import { EXIT, VerbFailed } from './exit.ts';

const CONNECT_TIMEOUT = '5s';

type TemporalAccess = { readonly client: Client; readonly connection: Connection };

/**
 * Connects to Temporal as the settings say. Without settings it connects to localhost:7233.
 *
 * @throws TemporalSilent, TemporalSettingsUnreadable
 */
export async function openTemporal(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<TemporalAccess> {
  const settings = temporalSettings(environment);
  const { options, namespace } = settings;
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT });
    return {
      connection,
      client: new Client({ connection, ...(namespace === undefined ? {} : { namespace }) }),
    };
  } catch (error) {
    throw await temporalUnreachable(settings, error);
  }
}

/** Longest wait until a worker accepts an update, ms. */
const ACCEPT_MS = 15_000;
/** Longest wait until an accepted update is done, ms. A decision may wait a minute for a sync that starts. */
const DONE_MS = 75_000;

/** The typed client of jday. It names a migration by its workflow id. A refused request throws `VerbFailed`. */
export class Migrations {
  readonly #client: Client;
  readonly #connection: Connection;
  readonly #planOf: ReturnType<typeof planReader>;

  constructor({ client, connection }: TemporalAccess) {
    this.#client = client;
    this.#connection = connection;
    this.#planOf = planReader(client);
  }

  /**
   * @param takeOver the token of a claim whose run is gone for good
   * @throws VerbFailed when a run of this migration is running already
   */
  async start(
    plan: Plan,
    takeOver?: string,
  ): Promise<{ readonly workflowId: string; readonly runId: string }> {
    const workflowId = workflowIdOf(plan.migration);
    try {
      const handle = await this.#client.workflow.start(WORKFLOW_TYPES.migration, {
        workflowId,
        taskQueue: TASK_QUEUES.control,
        args: takeOver === undefined ? [plan] : [plan, { takeOver }],
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

  /**
   * Runs only the checks. A preflight of the same migration that still runs is terminated: the newest request counts.
   */
  preflight(plan: Plan): Promise<PreflightResult> {
    return this.#client.workflow.execute(WORKFLOW_TYPES.preflight, {
      workflowId: workflowIdOf(`preflight-${plan.migration}`),
      taskQueue: TASK_QUEUES.control,
      args: [plan],
      workflowIdConflictPolicy: 'TERMINATE_EXISTING',
    });
  }

  /** @returns the workflow ids of the migrations that run now */
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

  /** @throws VerbFailed when the run has ended; the message says how it ended */
  async insistOnRunning(workflowId: string): Promise<void> {
    const description = await this.describe(workflowId);
    if (isRunning(description)) return;
    const how = await endedHow(description, () => this.report(workflowId));
    throw new VerbFailed(EXIT.refused, `${workflowId} ${how}. Legal now: report, start.`);
  }

  /** Reads the progress of a run where Temporal keeps it. No worker is asked. */
  async progress(workflowId: string): Promise<SeenProgress> {
    const description = await this.describe(workflowId);
    const plan = await this.#planOf(description);
    if (!plan) throw new VerbFailed(EXIT.error, `${workflowId} has no plan: jday did not start it.`);
    return toldProgress(description, plan, Date.now(), () => this.report(workflowId));
  }

  /** Sends the signal `abort`. It reaches the run also while no worker runs. */
  async abort(workflowId: string, input: { readonly reason: string; readonly by: string }): Promise<void> {
    await this.insistOnRunning(workflowId);
    await this.#handle(workflowId).signal(abortSignal, input);
  }

  /**
   * Sends an update and waits for its result.
   *
   * @returns the progress after the update
   * @throws VerbFailed when the run has ended, refuses the update, or does not answer in time
   */
  async update<Input>(
    workflowId: string,
    update: UpdateDefinition<Progress, [Input]>,
    input: Input,
  ): Promise<Progress> {
    await this.insistOnRunning(workflowId);
    let accepted = false;
    const within = <T>(ms: number, ask: () => Promise<T>) =>
      this.#connection.withDeadline(Date.now() + ms, ask);
    try {
      const asked = await within(ACCEPT_MS, () =>
        this.#handle(workflowId).startUpdate(update, { args: [input], waitForStage: 'ACCEPTED' }),
      );
      accepted = true;
      return await within(DONE_MS, () => asked.result());
    } catch (error) {
      throw updateFailure(error, update.name, accepted);
    }
  }

  /**
   * Waits for the end of the run.
   *
   * @returns its report
   * @throws the failure of a run that has no report
   */
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

function updateFailure(error: unknown, update: string, accepted: boolean): unknown {
  if (error instanceof WorkflowUpdateFailedError) {
    return new VerbFailed(EXIT.refused, error.cause?.message ?? `${update} was refused`, { cause: error });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error)) {
    const text = accepted
      ? `The migration has taken ${update} up and is still at it: look at jday progress before you ask again.`
      : `No worker has answered ${update}: start one (jday worker), look at jday progress, then ask again.`;
    return new VerbFailed(EXIT.error, text, { cause: error });
  }
  return error;
}
