import type { Check } from '../domain/check.ts';
import type { Plan } from '../domain/plan.ts';
import type { Side } from '../domain/side.ts';
import type { Acceptance } from '../domain/suspicion.ts';
import type { BackupSummary, SwitchReport } from '../domain/report.ts';
import type { Throttle } from '../domain/throttle.ts';
import type { Observation, WatchInput } from '../domain/watch.ts';

export type { Observation } from '../domain/watch.ts';

/**
 * What the workflow asks of the outside world: the port that `activities/` implements and that tests of the
 * order of things fake. Each is idempotent: it looks at the world before it acts, because it may run twice.
 */
export type MigrationActivities = {
  /** All named checks of the plan's stores; a red one is a value, not an error. Changes nothing. */
  preflight(input: { plan: Plan }): Promise<{ checks: readonly Check[]; searchAttributes: boolean }>;
  /** Takes the stores for this migration and writes the first authority record. Fails with `StoresClaimed`. */
  claim(input: { plan: Plan }): Promise<void>;
  /** Gives the stores free that this migration holds, and no other's: a refused claim is undone by it too. */
  release(input: { plan: Plan }): Promise<void>;
  /** RDB of every store and the model files, restored into a scratch server and compared (L10). */
  backup(input: { plan: Plan; label: string }): Promise<BackupSummary>;
  /** Copies the plan's file sets to V2's volume, where the plan names one. */
  copyFiles(input: { plan: Plan }): Promise<void>;
  /** The two-way sync of one link, or of one shard of a split one; runs until cancelled. */
  sync(input: { plan: Plan; link: string; shard?: string }): Promise<void>;
  /** Continuous two-way verification of one link, independent of the sync (L13); runs until cancelled. */
  verify(input: { plan: Plan; link: string }): Promise<void>;
  /** Measures the impact on the apps; runs until cancelled. */
  measureImpact(input: { plan: Plan }): Promise<void>;
  /** Tells the syncs and verifiers that run their bounds; those that begin later find them too. */
  configure(input: { plan: Plan; throttle: Throttle }): Promise<void>;
  /**
   * Tells the syncs of a link what an operator has decided on a suspect side, and waits a little for it to be done.
   * Fails with `NothingToDecide`.
   */
  decide(input: DecideInput): Promise<void>;
  /** Lets the datasets that join on J-Day take part in the sync. */
  joinSessions(input: { plan: Plan }): Promise<void>;
  /**
   * Watches until the goal is reached, a trigger fires, or the time is over; a bounded number of calls a run.
   * `watchStep` judges each look. An authority on which the stores disagree is `null` in the snapshot.
   */
  observe(input: ObserveInput): Promise<Observation>;
  /** Carries probe keys there and back through the running sync, and switches a probe authority both ways. */
  rehearseSwitch(input: { plan: Plan }): Promise<SwitchRehearsal>;
  /** Fence → drain → verify → flip → tell traffic → open. Un-fences by itself when it fails before the flip. */
  cutover(input: { plan: Plan }): Promise<SwitchReport>;
  /** The same with the sides swapped; lossless while the sync runs both ways. */
  rollback(input: { plan: Plan }): Promise<SwitchReport>;
  /** Opens the side that has the authority and says which, puts the apps' ACL rules back. Undo of the fence before the flip. */
  unfence(input: { plan: Plan }): Promise<Side>;
  /** Before the flip: fences V2's app users and carries what they wrote to V1. */
  settleSource(input: { plan: Plan }): Promise<void>;
  /** Deletes on V2 what we wrote and puts back what stood there before (L6). After the sync has stopped. */
  clearTarget(input: { plan: Plan }): Promise<{ deleted: number; restored: number; kept: number }>;
  /** Last two-way verification of everything, at the end of the window. */
  verifyAll(input: { plan: Plan }): Promise<{ compared: number; diverged: number }>;
  /** Saves journal and quarantine into the backup directory, then drops our keys (all but the authority). */
  dropTraces(input: { plan: Plan; keepLedger: boolean }): Promise<void>;
};

/** Besides the watch itself (what for, and what the one before has left behind): the plan, and for how long. */
export type ObserveInput = WatchInput & {
  plan: Plan;
  /** Return at the latest after this time with a fresh snapshot, ms; 0 = one look. */
  forMs: number;
  /** Suspect sides that are known already, `link side`: a new one is told at once. */
  suspected?: readonly string[];
};

export type DecideInput = { plan: Plan; word: Acceptance; link?: string; side?: Side };

export type SwitchRehearsal = {
  /** Probe carried source → target → source by every link. */
  roundTripMs: number;
  /** What a cutover would block writes for, as far as it can be known now. */
  predictedFenceMs: number;
  fenceProof: readonly { store: string; users: number; proven: boolean }[];
};
