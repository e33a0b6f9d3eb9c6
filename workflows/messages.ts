import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Check } from '../domain/run/check.ts';
import type { ResumeWord } from '../domain/run/message-input.ts';
import type { Approval, Side, Waiver } from '../domain/plan/plan.ts';
import type { Progress } from '../domain/run/progress.ts';
import type { Throttle } from '../domain/plan/throttle.ts';

/**
 * The messages that a running migration accepts. Names and shapes are contracts: the Temporal CLI sends them as JSON.
 * `by` is the name of the person who decides.
 */
export type AbortInput = { readonly reason: string; readonly by: string } | string;
export type ApproveInput = { readonly gate: Approval; readonly by: string; readonly reason: string };
/** Accepts that a gate cannot be measured here. Only a gate that says so may be waived. */
export type WaiveInput = Required<Waiver>;
export type ReasonInput = { readonly by: string; readonly reason: string };
/**
 * `accept`: `absence` or `restore` is a decision on a suspect side. Then `link` and `side` say which one, if several
 * are suspect. `record` takes over the authority record that the stores hold.
 */
export type ResumeInput = {
  readonly by: string;
  readonly reason?: string;
  readonly accept?: ResumeWord;
  readonly link?: string;
  readonly side?: Side;
};
/** Only the bounds that change; the others stay as they are. 0 = no limit. */
export type ConfigureInput = Partial<Throttle> & { readonly by: string };
/** `days`: days of the plan by which the rollback window becomes longer. */
export type ExtendInput = { readonly days: number; readonly by: string };

/** Makes V1 serve again without loss, at any moment. Temporal keeps the signal while no worker runs. */
export const abortSignal = defineSignal<[AbortInput?]>('abort');

/** Asks where the migration stands, as of its last observation of the stores. */
export const progressQuery = defineQuery<Progress>('progress');

/**
 * Each update answers with the progress after it. A refused update fails with a sentence that says what is possible
 * instead.
 */
export const approveUpdate = defineUpdate<Progress, [ApproveInput], 'approve'>('approve');
/** Lets a gate pass for the rest of the run while it cannot be measured. It holds again while it is red. */
export const waiveUpdate = defineUpdate<Progress, [WaiveInput], 'waive'>('waive');
/** Stops the order of phases at the next gate. The sync, the verification and the triggers go on. */
export const pauseUpdate = defineUpdate<Progress, [ReasonInput], 'pause'>('pause');
/** Ends a pause, tries again the steps that wait for an operator, or decides on a suspect side. */
export const resumeUpdate = defineUpdate<Progress, [ResumeInput], 'resume'>('resume');
/** Changes the bounds of our own work while it runs. */
export const configureUpdate = defineUpdate<Progress, [ConfigureInput], 'configure'>('configure');
export const extendWindowUpdate = defineUpdate<Progress, [ExtendInput], 'extendWindow'>('extendWindow');
export const rollbackUpdate = defineUpdate<Progress, [ReasonInput], 'rollback'>('rollback');
/** Approves the completion. Allowed also before the rollback window is over. */
export const completeUpdate = defineUpdate<Progress, [ReasonInput], 'complete'>('complete');

/** Result of the workflow `preflight`. */
export type PreflightResult = { readonly checks: readonly Check[] };
