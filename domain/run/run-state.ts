import { isKnown } from '../authority/authority-record.ts';
import type { Check } from './check.ts';
import {
  type Approval,
  DAY_MS,
  type RunOutcome,
  type Phase,
  type Plan,
  type Side,
  type Waiver,
} from '../plan/plan.ts';
import type { Progress } from './progress.ts';
import type { Report, SwitchReport } from './report.ts';
import type { Throttle } from '../plan/throttle.ts';
import type { Observation } from '../gates/watch.ts';

/**
 * Everything that a running migration knows of itself. All that an operator sees is derived from it. Times are in ms.
 */
export type RunState = {
  readonly plan: Plan;
  readonly startedAtMs: number;
  readonly phase: Progress['phase'];
  /** Phases entered so far, in order. The last one is the current one while `phase` is a phase of the plan. */
  readonly entered: readonly { readonly phase: Phase; readonly atMs: number }[];
  readonly authority: Side;
  readonly epoch: number;
  /** When this run last read the authority in the stores or wrote it there, ms; `null` = never. */
  readonly authorityAtMs: number | null;
  readonly warnings: readonly Check[];
  readonly backups: Report['backups'];
  readonly observation: Observation | null;
  /** When the workflow received that observation, ms. */
  readonly observedAtMs: number | null;
  /** How long a switch would block writes by the rehearsal, ms; `null` before the rehearsal. */
  readonly predictedFenceMs: number | null;
  readonly waitingFor: Progress['waitingFor'];
  /**
   * Problems that an operator must look at before the workflow tries again. They are apart from `waitingFor`, because
   * the run goes on beside them.
   */
  readonly questions: readonly string[];
  readonly approvals: readonly {
    readonly gate: Approval;
    readonly by: string;
    readonly reason: string;
    readonly atMs: number;
  }[];
  /** Gates that an operator has waived, besides those of the plan. */
  readonly waivers: readonly (Required<Waiver> & { readonly atMs: number })[];
  readonly paused: { readonly by: string; readonly reason: string } | null;
  /** Limits that an operator has set; `null` means that the plan's limits hold. */
  readonly configured: Throttle | null;
  /** The first request to go back: abort, rollback, cancellation, trigger or failure. Only the first one counts. */
  readonly stop: { readonly by: string; readonly reason: string } | null;
  /** Time at which the migration turned back, ms; `null` while it goes forward. */
  readonly turnedBackAtMs: number | null;
  /**
   * The cutover has begun and its end is not known. The workflow must ask the stores which side serves, and must not
   * trust its own memory.
   */
  readonly switching: boolean;
  /** The last number under which the workflow ordered a step that touches fences; 0 means none yet. */
  readonly fencingNumber: number;
  readonly cutover: SwitchReport | null;
  readonly rollback: SwitchReport | null;
  /** Time at which the rollback window ends, ms; `null` before the flip. */
  readonly windowEndsAtMs: number | null;
  /** The sync has stopped for good, so there is no lossless way back any more. */
  readonly sealed: boolean;
  /** The syncs were told to end, on the way forward or back. Nothing is replicated any more. */
  readonly syncEnded: boolean;
  readonly cleared: Report['cleared'];
  readonly undone: Report['undone'];
  readonly lastFailure: string | null;
  readonly outcome: RunOutcome | null;
};

/**
 * What the workflow tells Temporal of itself: everything but the plan, which stands in the input of the run. Programs
 * read it without a worker. A run that another release began may lack a field.
 */
export type ToldState = Omit<RunState, 'plan'>;

const NOTHING: Progress['waitingFor'] = { what: 'nothing', why: 'at work' };

export function newRunState(plan: Plan, nowMs: number): RunState {
  return {
    plan,
    startedAtMs: nowMs,
    phase: 'preflight',
    entered: [],
    authority: 'source',
    epoch: 0,
    authorityAtMs: null,
    warnings: [],
    backups: [],
    observation: null,
    observedAtMs: null,
    predictedFenceMs: null,
    waitingFor: NOTHING,
    questions: [],
    approvals: [],
    waivers: [],
    paused: null,
    configured: null,
    stop: null,
    turnedBackAtMs: null,
    switching: false,
    fencingNumber: 0,
    cutover: null,
    rollback: null,
    windowEndsAtMs: null,
    sealed: false,
    syncEnded: false,
    cleared: null,
    undone: [],
    lastFailure: null,
    outcome: null,
  };
}

/** Returns the state after one more look at the stores, which ended at `nowMs`. */
export function afterLook(state: RunState, observation: Observation, nowMs: number): RunState {
  const { authority: side, epoch } = state;
  const { authority: said, doubt } = observation.snapshot;
  const confirmed = said !== null && doubt === undefined && isKnown(said, { side, epoch });
  return { ...state, observation, observedAtMs: nowMs, ...(confirmed && { authorityAtMs: nowMs }) };
}

/** True when V2 has received the authority and has not given it back. */
export function hasFlipped(state: RunState): boolean {
  return state.authority === 'target';
}

export function isApproved(state: RunState, gate: Approval): boolean {
  return state.approvals.some((approval) => approval.gate === gate);
}

/** Returns the plan with the waivers of operators. Gates are judged by it. A run of another release may have none. */
export function judgedPlan({
  plan,
  waivers = [],
}: Pick<RunState, 'plan'> & Partial<Pick<RunState, 'waivers'>>): Plan {
  if (waivers.length === 0) return plan;
  const said = waivers.map(({ gate, reason, by }) => ({ gate, reason, by }));
  return { ...plan, gates: { ...plan.gates, waive: [...(plan.gates.waive ?? []), ...said] } };
}

/** Returns the time from the first to the last day of the plan, ms. Approvals and holds can make a run longer. */
export function wholePlanMs({ dayMs, timeline }: Plan): number {
  return (timeline.windowDays - timeline.startDay) * dayMs;
}

/**
 * Extra time for delays, more than any plan needs. The timeout of a long activity is the plan's time plus this one.
 * When an attempt reaches it, a new attempt begins.
 */
export const SLACK_MS = 30 * DAY_MS;
