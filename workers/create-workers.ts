import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { createActivities } from '../activities/index.ts';
import type { Dependencies } from '../activities/dependencies.ts';
import { TASK_QUEUES } from '../workflows/names.ts';
import { politeTuner } from './polite-slots.ts';
import { progressSink } from './progress-sink.ts';
import type { TemporalLink } from './temporal.ts';

/** Cancellation reaches an activity on a heartbeat's answer only: an abort must not wait longer than this. */
const HEARTBEAT_THROTTLE_MS = 1_000;

/**
 * Two workers in one process: `jday` runs workflows and short activities, `jday-sync` the long ones, so that many
 * links never take the slots of a cutover.
 */
export async function createWorkers(
  { connection, namespace }: TemporalLink,
  dependencies: Dependencies,
): Promise<readonly Worker[]> {
  const shared = {
    connection,
    namespace,
    activities: createActivities(dependencies),
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    shutdownGraceTime: '2s',
    shutdownForceTime: '10s',
  };
  const control = await Worker.create({
    ...shared,
    taskQueue: TASK_QUEUES.control,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    sinks: progressSink(dependencies.record),
    // A query can advance a kept workflow past its last task, with the time of that one: docs/decisions/0020.
    maxCachedWorkflows: 0,
    // A task that waits here beside a query is dropped with the workflow, and missed for 10 s: docs/decisions/0020.
    maxConcurrentWorkflowTaskExecutions: 1,
  });
  const sync = await Worker.create({
    ...shared,
    taskQueue: TASK_QUEUES.sync,
    tuner: politeTuner(),
    // One at a time: each task that it takes makes it wait longer for the next one.
    maxConcurrentActivityTaskPolls: 1,
  });
  return [control, sync];
}
