import {
  ActivityCancellationType,
  type ActivityOptions,
  proxyActivities,
  workflowInfo,
} from '@temporalio/workflow';
import { FAILURES, FINAL_FAILURES, STORE_DOUBTS } from '../domain/run/failure.ts';
import type { Plan } from '../domain/plan/plan.ts';
import { SLACK_MS, wholePlanMs } from '../domain/run/run-state.ts';
import type { MigrationActivities } from './activities.ts';
import { TASK_QUEUES } from './names.ts';

/**
 * Every timeout and retry policy of the workflow, side by side. All activities send heartbeats: Temporal notices a
 * killed worker after `heartbeatTimeout`. Without heartbeats it would notice only at the end of the attempt, which may
 * be 24 h.
 */
type Name = keyof MigrationActivities;

/** Failures that the workflow itself handles: `onOurStores` asks an operator, `inOrder` takes the next number. */
const ASKED = [...FINAL_FAILURES, ...STORE_DOUBTS, FAILURES.SwitchLeaseLost];

/**
 * An activity sends one heartbeat a second. Six seconds leave room for a worker that stalls for a moment. They are also
 * the delay with which Temporal notices that a worker has died.
 */
const HEARTBEAT_MS = 6_000;

/**
 * Twenty attempts take some eight minutes: 6.5 minutes of pauses between them, plus the attempts. In this time a server
 * can restart. A fault that lasts longer aborts the migration.
 */
const PATIENT = {
  initialInterval: 250,
  backoffCoefficient: 2,
  maximumInterval: 30_000,
  maximumAttempts: 20,
  nonRetryableErrorTypes: [...FINAL_FAILURES],
};

/**
 * For steps that must happen: Temporal tries them for ever. The Temporal UI shows the step as a pending activity with
 * its last failure.
 */
const RELENTLESS = {
  initialInterval: 250,
  backoffCoefficient: 2,
  maximumInterval: 3_000,
  nonRetryableErrorTypes: [...FINAL_FAILURES],
};

type Asking<N extends Name> = {
  [Each in N]: (
    input: Omit<Parameters<MigrationActivities[Each]>[0], 'run' | 'plan'>,
  ) => ReturnType<MigrationActivities[Each]>;
};

/**
 * Adds the id of the workflow's first run to every input. The claim in each store holds the same id, or the activity
 * does nothing. No input holds the plan: it is the input of the run, and the worker adds it (`workers/run-plan.ts`). Else
 * the history would repeat it with each activity.
 */
function proxy<N extends Name>(options: ActivityOptions): Asking<N> {
  const activities = proxyActivities<Record<string, (input: object) => Promise<unknown>>>({
    heartbeatTimeout: HEARTBEAT_MS,
    ...options,
  });
  const { firstExecutionRunId: run } = workflowInfo();
  const ask = (_none: object, name: string) => (input: object) => activities[name]?.({ ...input, run });
  return new Proxy({}, { get: ask }) as Asking<N>;
}

/** For the preflight. It changes nothing, so an abort does not wait for its end. */
export const asking = (summary: string) =>
  proxy<'preflight'>({
    startToCloseTimeout: '15m',
    retry: PATIENT,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    summary,
  });

/** For steps before the flip. WAIT_CANCELLATION_COMPLETED: an undo must not start while its step still writes. */
export const doing = (summary: string) =>
  proxy<'claim' | 'backup' | 'copyFiles' | 'joinSessions' | 'rehearseSwitch' | 'verifyAll'>({
    // The number of bytes decides how long a backup takes. The heartbeat notices a backup that is dead.
    startToCloseTimeout: '24h',
    retry: { ...PATIENT, nonRetryableErrorTypes: ASKED },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary,
  });

/**
 * One observation of `forMs` ms. It only reads, so Temporal simply starts a lost one again. A cancelled one is not
 * waited for.
 */
export const observing = (forMs: number, summary: string) =>
  proxy<'observe'>({
    startToCloseTimeout: forMs + 60_000,
    retry: RELENTLESS,
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    summary,
  });

/**
 * For the cutover. Temporal does not retry it: between two attempts the workflow must find out which side serves, lower
 * the fence, and wait.
 */
export const cuttingOver = (attempt: number) =>
  proxy<'nextFencingNumber' | 'cutover'>({
    startToCloseTimeout: '15m',
    retry: { maximumAttempts: 1 },
    summary: `Cutover, attempt ${attempt}: fence, drain, verify, flip, open V2`,
  });

/** For the bounds of our work. Tried until the stores have them. */
export const configuring = () =>
  proxy<'configure'>({
    startToCloseTimeout: '60s',
    retry: RELENTLESS,
    summary: 'Tells the syncs their bounds',
  });

/**
 * For an operator's decision. Bounded to 60 s, because the operator waits for the answer and can send the decision
 * again.
 */
export const deciding = (word: string) =>
  proxy<'resolveSuspicion'>({
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '60s',
    retry: { ...RELENTLESS, nonRetryableErrorTypes: [...ASKED, FAILURES.NothingToDecide] },
    summary: `Decides on what is held back: ${word}`,
  });

/** For undos, and for other steps that must reach their end. */
export const undoing = (summary: string) =>
  proxy<'nextFencingNumber' | 'rollback' | 'unfence' | 'clearTarget' | 'dropRecords' | 'release'>({
    startToCloseTimeout: '24h',
    retry: { ...RELENTLESS, nonRetryableErrorTypes: ASKED },
    summary,
  });

/**
 * For the drain of V2's last writes to V1, before an abort clears V2. Bounded to 120 s, because V1 serves already and
 * the abort must go on. A failure goes into the report.
 */
export const settling = () =>
  proxy<'nextFencingNumber' | 'drainToSource'>({
    startToCloseTimeout: '60s',
    scheduleToCloseTimeout: '120s',
    retry: { ...RELENTLESS, nonRetryableErrorTypes: ASKED },
    summary: 'Undo: carries to V1 what was written on V2',
  });

/**
 * For the activities that run as long as the migration, on workers of their own. Their ids are fixed, so that an
 * operator can name them to the Temporal CLI.
 */
export const running = (plan: Plan, activityId: string, summary: string) =>
  proxy<'sync' | 'verify' | 'measureImpact'>({
    taskQueue: TASK_QUEUES.sync,
    activityId,
    // A window can be extended and an approval can take long, so an attempt may reach this limit. Then Temporal starts
    // the next attempt.
    startToCloseTimeout: wholePlanMs(plan) + SLACK_MS,
    retry: { ...RELENTLESS, nonRetryableErrorTypes: [FAILURES.BadConfiguration] },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary,
  });
