import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import {
  type ActivityInterceptorsFactory,
  type ActivitySlotInfo,
  type CustomSlotSupplier,
  type InjectedSinks,
  Worker,
  type WorkerTuner,
} from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { Dependencies, Recorder } from '../activities/dependencies.ts';
import { TASK_QUEUES } from '../workflows/names.ts';
import type { TemporalLink } from './temporal.ts';
import { planReader } from './run-plan.ts';
import { workflowBundle } from './workflow-bundle.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProgressSinks } from '../workflows/sinks.ts';

/**
 * Longest pause between two heartbeats, ms. An activity learns of a cancellation only from the answer to a heartbeat,
 * and an abort must not wait longer than this.
 */
const HEARTBEAT_THROTTLE_MS = 1_000;

/**
 * Creates two workers in one process. `jday` runs workflows and short activities, `jday-sync` the long activities. So
 * even many links never occupy the slots that a cutover needs.
 */
export async function createWorkers(
  { connection, namespace, client }: TemporalLink,
  dependencies: Dependencies,
): Promise<readonly Worker[]> {
  const shared = {
    connection,
    namespace,
    activities: createActivities(dependencies),
    interceptors: { activity: [withPlanOfRun(client)] },
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    shutdownGraceTime: '2s',
    shutdownForceTime: '10s',
  };
  const control = await Worker.create({
    ...shared,
    taskQueue: TASK_QUEUES.control,
    workflowBundle: await workflowBundle(),
    sinks: progressSink(dependencies.record),
    // A kept workflow can come to know more than the history says: after a query, and after Temporal was put back from a
    // copy. A later replay then decides otherwise and fails. So the worker keeps none: docs/decisions/0048.
    maxCachedWorkflows: 0,
    // With more than one slot, a task that waits beside a query is dropped together with the workflow, and Temporal
    // misses it for 10 s: docs/decisions/0020.
    maxConcurrentWorkflowTaskExecutions: 1,
  });
  const sync = await Worker.create({
    ...shared,
    taskQueue: TASK_QUEUES.sync,
    tuner: politeTuner(),
    // One poll at a time. With several, the worker would take several tasks before its pause has grown (`politeSlots`).
    maxConcurrentActivityTaskPolls: 1,
  });
  return [control, sync];
}

/**
 * Pause before a poll for each task that the worker holds, ms. The answer to a poll takes some ms itself, so a worker
 * that holds one task more asks later by more than that.
 */
const STEP_MS = 20;
/** Longest pause before a poll, ms. The last worker left must take dozens of tasks within seconds. */
const LONGEST_MS = 100;

/**
 * A worker that holds many tasks pauses before it asks for another one. So the worker with less to do asks first, and
 * the shards of a killed worker spread over the others. There is no upper limit: the last worker left takes all tasks.
 * A worker does not give a task back; docs/scale.md says how to move shards to a worker that was started later.
 */
export function politeSlots(): CustomSlotSupplier<ActivitySlotInfo> {
  let held = 0;
  return {
    type: 'custom',
    reserveSlot: async (_context, abort) => {
      await delay(Math.min(held * STEP_MS, LONGEST_MS), undefined, { signal: abort });
      return {};
    },
    tryReserveSlot: () => null,
    markSlotUsed: () => void (held += 1),
    // Without `slotInfo` the poll ended without a task, and the slot was never counted.
    releaseSlot: ({ slotInfo }) => void (held -= slotInfo ? 1 : 0),
  };
}

/**
 * Uses `politeSlots` for activities. The worker of the long activities runs nothing else, so one slot is enough for
 * each other kind.
 */
function politeTuner(): WorkerTuner {
  const none = { type: 'fixed-size', numSlots: 1 } as const;
  return {
    activityTaskSlotSupplier: politeSlots(),
    workflowTaskSlotSupplier: none,
    localActivityTaskSlotSupplier: none,
    nexusTaskSlotSupplier: none,
  };
}

/** Hands the progress of the workflow to /metrics. It is not called on replay, so nothing is counted twice. */
function progressSink(record: Recorder): InjectedSinks<ProgressSinks> {
  return {
    metrics: { progress: { fn: (_info, progress) => record.progress(progress), callDuringReplay: false } },
  };
}

/** Adds the plan of its run to the input of every activity. */
export function withPlanOfRun(client: Client): ActivityInterceptorsFactory {
  const planOf = planReader(client);
  return () => ({
    inbound: {
      execute: async (input, next) => {
        const { workflowId = '', runId = '' } = Context.current().info.workflowExecution ?? {};
        const plan = await planOf({ workflowId, runId });
        const [asked, ...rest] = input.args as readonly (object | undefined)[];
        return next({ ...input, args: [{ ...asked, plan }, ...rest] });
      },
    },
  });
}
