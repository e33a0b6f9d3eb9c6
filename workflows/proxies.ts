import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import { FAILURES } from '../domain/failure.ts';
import type { Plan } from '../domain/plan.ts';
import { SLACK_MS, wholePlanMs } from '../domain/run-state.ts';
import type { MigrationActivities } from './activities.ts';
import { TASK_QUEUES } from './names.ts';

/**
 * Every timeout and retry policy of the workflow, side by side. All activities heartbeat: a killed worker is
 * noticed after `heartbeatTimeout`, not after the end of the attempt (L8).
 */
type Name = keyof MigrationActivities;

/** Trying again cannot help: somebody has to change something first. */
const FINAL = [
  FAILURES.PreflightRed,
  FAILURES.StoresClaimed,
  FAILURES.OwnershipUncertain,
  FAILURES.BackupUnproven,
  FAILURES.BadConfiguration,
];

/** A beat a second, with room for a stall of the worker; the cost of noticing its death. */
const HEARTBEAT_MS = 6_000;

/** Twenty attempts are some eight minutes: the restart of a server is waited for, a lasting fault aborts. */
const PATIENT = {
  initialInterval: 250,
  backoffCoefficient: 2,
  maximumInterval: 30_000,
  maximumAttempts: 20,
  nonRetryableErrorTypes: FINAL,
};

/** What has to happen is tried for ever; seen in the UI as a pending activity with its last failure. */
const RELENTLESS = {
  initialInterval: 250,
  backoffCoefficient: 2,
  maximumInterval: 3_000,
  nonRetryableErrorTypes: FINAL,
};

function proxy<N extends Name>(options: ActivityOptions): Pick<MigrationActivities, N> {
  return proxyActivities<MigrationActivities>({ heartbeatTimeout: HEARTBEAT_MS, ...options });
}

/** Changes nothing, so an abort need not wait for it. */
export const asking = (summary: string) =>
  proxy<'preflight'>({
    startToCloseTimeout: '15m',
    retry: PATIENT,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    summary,
  });

/** Steps before the flip. WAIT_CANCELLATION_COMPLETED: an undo must not start while its step still writes. */
export const doing = (summary: string) =>
  proxy<'claim' | 'backup' | 'copyFiles' | 'joinSessions' | 'rehearseSwitch' | 'verifyAll'>({
    // Bytes decide how long a backup takes; the heartbeat notices a dead one.
    startToCloseTimeout: '24h',
    retry: PATIENT,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary,
  });

/** One watch of `forMs`; reads only, so a lost one is simply begun anew, and an interrupted one not waited for. */
export const observing = (forMs: number, summary: string) =>
  proxy<'observe'>({
    startToCloseTimeout: forMs + 60_000,
    retry: RELENTLESS,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    summary,
  });

/** Never retried blindly: between two attempts the workflow asks who serves, un-fences and backs off. */
export const cuttingOver = (attempt: number) =>
  proxy<'cutover'>({
    startToCloseTimeout: '15m',
    retry: { maximumAttempts: 1 },
    summary: `Cutover, attempt ${attempt}: fence, drain, verify, flip, open V2`,
  });

/** Tried until the stores hear it. */
export const configuring = () =>
  proxy<'configure'>({
    startToCloseTimeout: '60s',
    retry: RELENTLESS,
    summary: 'Tells the syncs their bounds',
  });

/** Bounded: somebody waits for the answer, and says it again. */
export const deciding = (word: string) =>
  proxy<'decide'>({
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '60s',
    retry: { ...RELENTLESS, nonRetryableErrorTypes: [...FINAL, FAILURES.NothingToDecide] },
    summary: `Decides on what is held back: ${word}`,
  });

/** Undo steps, and whatever else must come to its end. */
export const undoing = (summary: string) =>
  proxy<'rollback' | 'unfence' | 'clearTarget' | 'dropTraces' | 'release'>({
    startToCloseTimeout: '24h',
    retry: RELENTLESS,
    summary,
  });

/** Bounded: V1 serves already while V2's last writes are carried to it; what failed is in the report. */
export const settling = () =>
  proxy<'settleSource'>({
    startToCloseTimeout: '60s',
    scheduleToCloseTimeout: '120s',
    retry: RELENTLESS,
    summary: 'Undo: carries to V1 what was written on V2',
  });

/** The activities that run as long as the migration, on workers of their own; ids are stable for the operator's CLI. */
export const running = (plan: Plan, activityId: string, summary: string) =>
  proxy<'sync' | 'verify' | 'measureImpact'>({
    taskQueue: TASK_QUEUES.sync,
    activityId,
    // Windows can be extended and approvals keep waiting; an attempt that ends of age is begun anew.
    startToCloseTimeout: wholePlanMs(plan) + SLACK_MS,
    retry: { ...RELENTLESS, nonRetryableErrorTypes: [FAILURES.BadConfiguration] },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary,
  });
