import type { Info as ActivityInfo } from '@temporalio/activity';
import type { Allowance } from '../domain/plan/allowance.ts';
import type { Progress } from '../domain/run/progress.ts';
import type { BackupSummary, SwitchReport } from '../domain/run/report.ts';
import type { Side } from '../domain/plan/plan.ts';
import type { ImpactStatus, LinkStatus, VerifyStatus } from '../domain/gates/status.ts';
import type { Holder } from '../domain/authority/claim.ts';
import type { HolderState } from '../redis/state/claim.ts';
import type { Environment } from '../redis/client/connection.ts';

/** Takes the numbers that the activities report, for /metrics. */
export type Recorder = {
  link(status: LinkStatus): void;
  verified(status: VerifyStatus): void;
  /** `limitPercent`: the impact that the plan allows. */
  impact(status: ImpactStatus, limitPercent: number): void;
  /** `budgetMs`: how long the plan lets a switch block writes, ms. */
  switched(report: SwitchReport, budgetMs: number): void;
  progress(progress: Progress): void;
  /** A backup has begun (true) or has ended (false), with success or without. */
  backingUp(running: boolean): void;
  backup(summary: BackupSummary): void;
  /** Bytes that our connections to a side have moved since the last call. */
  traffic(side: Side, direction: 'read' | 'written', bytes: number): void;
  /**
   * `times`: 1 = an app user could write on a fenced store, and the fence was raised again. 0 = this store is watched
   * from now on.
   */
  fenceRaised(store: string, times: 0 | 1): void;
  /**
   * The fence keeper of that link. `judged`: a check could say which side serves and whether the other side is fenced.
   * `ended`: no check follows.
   */
  fenceLook(link: string, came: 'judged' | 'ended'): void;
};

/** One attempt of an activity, with the names that Temporal gives it. */
export type ActivityAttempt = Pick<ActivityInfo, 'activityId' | 'workflowExecution'>;

/**
 * Everything from outside that the activities use. The assembly of the worker passes it in; the activities read no
 * global variable.
 */
export type Dependencies = {
  /** The variables of this process that the allowance hands to plans, and no others. */
  readonly environment: Environment;
  /** What this worker allows a plan to name. */
  readonly allowance: Allowance;
  readonly record: Recorder;
  /** Resolves to true when the Temporal server knows our search attributes. */
  readonly searchAttributes: () => Promise<boolean>;
  /** State of the run behind a claim that was made under this Temporal. */
  readonly runState: (claim: Holder) => Promise<HolderState>;
  /**
   * Asks Temporal whether it still waits for an activity whose attempt it has given up, because no heartbeat of that
   * attempt arrived. Resolves to true when the run goes on and has not cancelled the activity. Rejects when Temporal
   * does not answer.
   */
  readonly isWanted: (attempt: ActivityAttempt) => Promise<boolean>;
  /** The id of the Temporal cluster. Temporal keeps it with its data, so another Temporal has another id. */
  readonly cluster: () => Promise<string>;
  /** Time for which the namespace keeps closed workflows, ms; `null` = this account cannot read it. */
  readonly retentionMs: () => Promise<number | null>;
  /** Aborts when this process is told to end. It ends the work that the SDK cannot cancel any more. */
  readonly stopping: AbortSignal;
  /** Aborts when the activities of this process have ended. It ends the work that outlives its activity. */
  readonly stopped: AbortSignal;
};
