import type { Check } from './check.ts';
import type { Approval, Outcome, Phase } from './phase.ts';
import type { Plan } from './plan.ts';
import type { Progress } from './progress.ts';
import type { Report, SwitchReport } from './report.ts';
import type { Side } from './side.ts';
import type { Throttle } from './throttle.ts';
import { DAY_MS } from './timeline.ts';
import type { Observation } from './watch.ts';

/** All that a running migration knows of itself. Everything an operator sees is derived from it. Times in ms. */
export type RunState = {
  readonly plan: Plan;
  readonly startedAtMs: number;
  readonly phase: Progress['phase'];
  /** Phases entered so far, in order; the last is the current one while `phase` is one. */
  readonly entered: readonly { readonly phase: Phase; readonly atMs: number }[];
  readonly authority: Side;
  readonly epoch: number;
  readonly warnings: readonly Check[];
  readonly backups: Report['backups'];
  readonly observation: Observation | null;
  /** What the rehearsal expects a switch to block writes for; `null` before it. */
  readonly predictedFenceMs: number | null;
  readonly waitingFor: Progress['waitingFor'];
  /** What an operator has to look at before it is tried again; apart, because the story goes on beside it. */
  readonly questions: readonly string[];
  readonly approvals: readonly {
    readonly gate: Approval;
    readonly by: string;
    readonly reason: string;
    readonly atMs: number;
  }[];
  readonly paused: { readonly by: string; readonly reason: string } | null;
  /** Bounds that an operator has set; `null` = the plan's. */
  readonly configured: Throttle | null;
  /** A wish to go back: abort, rollback, cancellation, trigger or failure. The first one counts. */
  readonly stop: { readonly by: string; readonly reason: string } | null;
  /** When the migration turned back, ms; `null` while it goes forward. */
  readonly turnedBackAtMs: number | null;
  /** The cutover has begun and its end is not known: who serves has to be asked, not remembered. */
  readonly switching: boolean;
  readonly cutover: SwitchReport | null;
  readonly rollback: SwitchReport | null;
  /** When the rollback window ends; `null` before the flip. */
  readonly windowEndsAtMs: number | null;
  /** The sync has been stopped for good: no lossless way back exists any more. */
  readonly sealed: boolean;
  readonly cleared: Report['cleared'];
  readonly undone: Report['undone'];
  readonly lastFailure: string | null;
  readonly outcome: Outcome | null;
};

const NOTHING: Progress['waitingFor'] = { what: 'nothing', why: 'at work' };

export function beginRun(plan: Plan, nowMs: number): RunState {
  return {
    plan,
    startedAtMs: nowMs,
    phase: 'preflight',
    entered: [],
    authority: 'source',
    epoch: 0,
    warnings: [],
    backups: [],
    observation: null,
    predictedFenceMs: null,
    waitingFor: NOTHING,
    questions: [],
    approvals: [],
    paused: null,
    configured: null,
    stop: null,
    turnedBackAtMs: null,
    switching: false,
    cutover: null,
    rollback: null,
    windowEndsAtMs: null,
    sealed: false,
    cleared: null,
    undone: [],
    lastFailure: null,
    outcome: null,
  };
}

/** V2 has got the authority and has not given it back. */
export function hasFlipped(state: RunState): boolean {
  return state.authority === 'target';
}

export function isApproved(state: RunState, gate: Approval): boolean {
  return state.approvals.some((approval) => approval.gate === gate);
}

/** From the first to the last day of the plan, ms; approvals and holds may make it longer. */
export function wholePlanMs({ dayMs, timeline }: Plan): number {
  return (timeline.windowDays - timeline.startDay) * dayMs;
}

/** A stay that no plan exceeds: attempts of the long activities end after it and begin anew. */
export const SLACK_MS = 30 * DAY_MS;
