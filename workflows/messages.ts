import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Check } from '../domain/check.ts';
import type { Approval } from '../domain/phase.ts';
import type { Progress } from '../domain/progress.ts';
import type { Side } from '../domain/side.ts';
import type { Acceptance } from '../domain/suspicion.ts';
import type { Throttle } from '../domain/throttle.ts';

/** What can be said to a running migration. Names and shapes are contracts: the Temporal CLI sends them as JSON. */
export type AbortInput = { readonly reason: string; readonly by: string } | string;
export type ApproveInput = { readonly gate: Approval; readonly by: string; readonly reason: string };
export type ReasonInput = { readonly by: string; readonly reason: string };
/** With `accept` a decision on a suspect side; link and side where several are suspect. */
export type ResumeInput = {
  readonly by: string;
  readonly reason?: string;
  readonly accept?: Acceptance;
  readonly link?: string;
  readonly side?: Side;
};
/** The bounds that change; the others stay. 0 = no limit. */
export type ConfigureInput = Partial<Throttle> & { readonly by: string };
export type ExtendInput = { readonly days: number; readonly by: string };

/** "V1 serves again, nothing is lost", at any moment. Reaches the workflow also while no worker runs. */
export const abortSignal = defineSignal<[AbortInput?]>('abort');

export const progressQuery = defineQuery<Progress>('progress');

/** Each update answers with the progress after it, and is refused with what is legal instead. */
export const approveUpdate = defineUpdate<Progress, [ApproveInput], 'approve'>('approve');
/** Freezes the order of phases at the next gate; sync, verification and triggers go on. */
export const pauseUpdate = defineUpdate<Progress, [ReasonInput], 'pause'>('pause');
/** Ends a pause, tries again what waits for an operator, or decides on a suspect side. */
export const resumeUpdate = defineUpdate<Progress, [ResumeInput], 'resume'>('resume');
/** Changes the bounds of our own work while it runs. */
export const configureUpdate = defineUpdate<Progress, [ConfigureInput], 'configure'>('configure');
export const extendWindowUpdate = defineUpdate<Progress, [ExtendInput], 'extendWindow'>('extendWindow');
export const rollbackUpdate = defineUpdate<Progress, [ReasonInput], 'rollback'>('rollback');
/** Approves the completion; also before the window is over. */
export const completeUpdate = defineUpdate<Progress, [ReasonInput], 'complete'>('complete');

/** Result of the workflow `preflight`. */
export type PreflightResult = { readonly checks: readonly Check[] };
