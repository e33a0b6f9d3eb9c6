import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { LookBeat } from '../domain/gates/watch.ts';
import { showDuration } from '../domain/plan/duration.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { Progress } from '../domain/run/progress.ts';
import { progressOf } from '../domain/run/progress-of.ts';
import type { Report } from '../domain/run/report.ts';
import { afterLook, newRunState, type RunState, type ToldState } from '../domain/run/run-state.ts';
import { STATE_MEMO } from '../workflows/names.ts';

/** The progress of a run. `silence`: why no worker is at work for it, in one sentence; `null` = one is, or all is done. */
export type SeenProgress = { readonly progress: Progress; readonly silence: string | null };

/**
 * The progress of a run by what Temporal itself holds: the state in its memo, and the last look at the stores in the
 * heartbeat of the look that runs. No worker has to answer, and none is disturbed.
 *
 * @param nowMs the clock of this machine. When it differs from that of Temporal, ages are wrong by the difference
 * @param result the result of the run; asked for only when it has ended
 */
export async function toldProgress(
  description: WorkflowExecutionDescription,
  plan: Plan,
  nowMs: number,
  result: () => Promise<Report>,
): Promise<SeenProgress> {
  const state = stateOf(description, plan);
  if (isRunning(description))
    return { progress: progressOf(state, nowMs), silence: silenceOf(description, nowMs) };
  if (description.status.name === 'COMPLETED') return { progress: progressOf(state, nowMs), silence: null };
  const how = `the run ${await endedHow(description, result)}`;
  return { progress: brokenOff(state, how, nowMs), silence: how };
}

/** A run that failed or was terminated has read its last numbers at some time before. None of them holds now. */
function brokenOff(state: RunState, how: string, nowMs: number): Progress {
  const nothing = { observation: null, epoch: 0, questions: [], paused: null, stop: null } as const;
  const waitingFor = { what: 'nothing', why: how } as const;
  return progressOf({ ...state, ...nothing, phase: 'ended', waitingFor, lastFailure: how }, nowMs);
}

/** Before a worker has taken the run up there is no memo. A run of another release may lack a field. */
function stateOf(description: WorkflowExecutionDescription, plan: Plan): RunState {
  const told = toldState(description);
  const state: RunState = { ...newRunState(plan, description.startTime.getTime()), ...told, plan };
  const look = lookOf(description);
  // The look that ended last may be newer than the heartbeat of the one that runs.
  return look && look.readAtMs > (state.observedAtMs ?? 0)
    ? afterLook(state, look.observation, look.readAtMs)
    : state;
}

export function toldState({ memo }: WorkflowExecutionDescription): Partial<ToldState> | undefined {
  return memo?.[STATE_MEMO] as Partial<ToldState> | undefined;
}

/** The phase of a running migration; `undefined` = no worker has taken it up yet. */
export function phaseIn(description: WorkflowExecutionDescription): Progress['phase'] | undefined {
  return toldState(description)?.phase;
}

type PendingActivity = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

function lookOf({ raw }: WorkflowExecutionDescription) {
  for (const activity of raw.pendingActivities ?? []) {
    if (activity.activityType?.name !== 'observe') continue;
    const beat = activity.heartbeatDetails?.payloads?.map(decoded).find(isLookBeat);
    const beatMs = msOf(activity.lastHeartbeatTime);
    if (beat && beatMs !== null) return { observation: beat.observation, readAtMs: beatMs - beat.ageMs };
  }
  return null;
}

function decoded(payload: Payload): unknown {
  return defaultPayloadConverter.fromPayload(payload);
}

function isLookBeat(value: unknown): value is LookBeat {
  return typeof value === 'object' && value !== null && 'observation' in value && 'ageMs' in value;
}

type Timestamp = { readonly seconds?: unknown; readonly nanos?: number | null } | null | undefined;

/** @returns ms since the epoch; `null` = Temporal has not told it */
function msOf(timestamp: Timestamp): number | null {
  if (!timestamp) return null;
  return Number(timestamp.seconds ?? 0) * 1_000 + Math.floor((timestamp.nanos ?? 0) / 1_000_000);
}

/**
 * A task or an activity that nobody has taken up for this time, or an activity without a heartbeat for this time, means
 * that no worker is at work, ms. Workers take a task up within milliseconds and send a heartbeat each second.
 */
const SILENT_MS = 15_000;
/** Value of Temporal's PendingActivityState: scheduled, so no worker has it. */
const SCHEDULED = 1;

/**
 * @returns why no worker seems to be at work; `null` = one is, or the run waits for an instant and nothing tells.
 *   Temporal's own report of a worker that fails at its task comes first
 */
function silenceOf(description: WorkflowExecutionDescription, nowMs: number): string | null {
  const { raw } = description;
  if (!toldState(description)) return 'no worker has taken this run up yet. Start one (jday worker)';
  const task = raw.pendingWorkflowTask;
  const waitedMs = task ? nowMs - (msOf(task.originalScheduledTime) ?? nowMs) : 0;
  if (task && (task.attempt ?? 1) > 1 && waitedMs > SILENT_MS)
    return `the workers fail at the next step of this run, attempt ${task.attempt}, for ${showDuration(waitedMs)}: look at the log of a worker, its version may not fit this run`;
  if (task && waitedMs > SILENT_MS)
    return `no worker answers: the next step has waited for ${showDuration(waitedMs)}. Start one (jday worker)`;
  const activities = raw.pendingActivities ?? [];
  if (activities.length === 0) return null;
  const heardMs = Math.min(...activities.map((activity) => quietMs(activity, nowMs)));
  if (heardMs <= SILENT_MS) return null;
  return `no worker answers: last heard of ${showDuration(heardMs)} ago. Start one (jday worker)`;
}

/** @returns time since a worker was heard of at this activity, ms */
function quietMs(activity: PendingActivity, nowMs: number): number {
  const { state, scheduledTime, lastStartedTime, lastHeartbeatTime } = activity;
  const times =
    Number(state) === SCHEDULED ? [scheduledTime, lastHeartbeatTime] : [lastStartedTime, lastHeartbeatTime];
  return nowMs - Math.max(...times.map((time) => msOf(time) ?? 0));
}

export function isRunning(description: WorkflowExecutionDescription): boolean {
  return description.status.name === 'RUNNING';
}

/** @returns how a run ended, as the rest of a sentence that begins with the name of the run */
export async function endedHow(
  { status, closeTime }: WorkflowExecutionDescription,
  result: () => Promise<Report>,
): Promise<string> {
  const at = closeTime === undefined ? '' : ` at ${closeTime.toISOString()}`;
  if (status.name === 'COMPLETED') {
    const { outcome, reason } = await result();
    return `has ended${at}: ${outcome}${reason === null ? '' : ` (${reason})`}`;
  }
  if (status.name === 'TERMINATED') return `was terminated${at}, so nothing was undone`;
  const why = await result().then(
    () => '',
    (error: unknown) => causeOf(error),
  );
  return `has ended${at}: ${status.name.toLowerCase()}${why === '' ? '' : ` (${why})`}`;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return error.cause instanceof Error ? error.cause.message : error.message;
}
