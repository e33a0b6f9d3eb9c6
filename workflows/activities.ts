import type { Check } from '../domain/run/check.ts';
import type { AuthorityRecord, KnownRecord } from '../domain/authority/authority-record.ts';
import type { Plan, Side } from '../domain/plan/plan.ts';
import type { Acceptance } from '../domain/protocol/loss-suspicion.ts';
import type { BackupSummary, SwitchRehearsal, SwitchReport } from '../domain/run/report.ts';
import type { Throttle } from '../domain/plan/throttle.ts';
import type { ToldState } from '../domain/run/run-state.ts';
import type { Observation, WatchInput } from '../domain/gates/watch.ts';

export type { Observation } from '../domain/gates/watch.ts';

/**
 * Input of every activity but `preflight`. `plan`: the resolved plan. `run`: id of the workflow's first run. The claim
 * in every store holds the same id, so an activity refuses a store that another run holds.
 */
export type HeldStoresInput = { plan: Plan; run: string };

/**
 * Input of the steps that open, clear, drain, drop or switch. `known`: the authority record that the workflow knows;
 * `null` = the workflow has not been told yet. The step is refused when the record on V2 says something else. Without
 * this check a workflow that Temporal restored from an older copy could clear the V2 that serves.
 */
export type KnownInput = HeldStoresInput & { known: KnownRecord | null };

/** `after`: the last fencing number that this run was given; 0 = none yet. */
export type NumberInput = HeldStoresInput & { after: number };

/**
 * Input of the steps that raise or lower fences. `fencingNumber` orders these steps: when a later step begins, the
 * stores refuse every earlier one.
 */
export type FencingInput = KnownInput & { fencingNumber: number };

/** `takeOver`: the token of a claim whose run is gone for good, as an operator has said. */
export type ClaimInput = HeldStoresInput & { takeOver?: string };

/**
 * The port of the workflow: everything that the workflow asks of the outside world. `activities/` implements it. The
 * tests of the workflow replace it by a fake. Every activity is idempotent: it reads the state of the world before it
 * acts, because Temporal may run it twice.
 */
export type MigrationActivities = {
  /** Runs all named checks on the plan's stores and changes nothing. A red check is a returned value, not an error. */
  preflight(input: { plan: Plan }): Promise<{ checks: readonly Check[]; searchAttributes: boolean }>;
  /**
   * Takes the stores for this migration and writes the first authority record.
   *
   * @returns the authority record that holds now
   * @throws StoresClaimed when another migration holds a store, or when V2 has the authority already
   */
  claim(input: ClaimInput): Promise<AuthorityRecord>;
  /** Releases the stores that this run holds, and no others. So it is also a safe undo of a claim that was refused. */
  release(input: KnownInput): Promise<void>;
  /**
   * Backs up every store as an RDB file, and the model files. Restores the RDB files into a scratch server and compares
   * them. A backup that was not restored and compared does not count as one.
   */
  backup(input: HeldStoresInput & { label: string }): Promise<BackupSummary>;
  /** Copies each file set of the plan that names a `to` folder (V2's volume) into that folder. */
  copyFiles(input: HeldStoresInput): Promise<void>;
  /** Runs the two-way sync of one link, or of one shard of a link that is split. Ends only when it is cancelled. */
  sync(input: HeldStoresInput & { link: string; shard?: string }): Promise<void>;
  /**
   * Verifies one link in both directions, again and again. Shares no code with the sync, so that an error of the sync
   * cannot hide itself. Ends only when it is cancelled.
   */
  verify(input: HeldStoresInput & { link: string }): Promise<void>;
  /** Measures the impact of our work on the apps. Ends only when it is cancelled. */
  measureImpact(input: HeldStoresInput): Promise<void>;
  /**
   * Writes the bounds of our own work into the stores. Syncs and verifiers that run read them soon; those that start
   * later read them at their start.
   */
  configure(input: HeldStoresInput & { throttle: Throttle }): Promise<void>;
  /**
   * Hands an operator's decision on a suspect side to the syncs of a link, and waits some seconds for the syncs to
   * carry it out. Once the syncs have ended, the decision says only that a store without a claim is ours.
   *
   * @throws NothingToDecide when no side is suspect, or when the input does not say which side is meant
   */
  resolveSuspicion(input: ResolveInput): Promise<void>;
  /** Lets the datasets that join on J-Day take part in the sync. */
  joinSessions(input: HeldStoresInput): Promise<void>;
  /**
   * Observes the stores until the goal is reached, a trigger fires, or the time is over. One call covers many reads,
   * because every call adds events to the history. `watchStep` judges each read. When the stores disagree on the
   * authority, `snapshot.authority` is `null`.
   */
  observe(input: ObserveInput): Promise<Observation>;
  /**
   * Rehearses the switch: replicates probe keys there and back through the running sync, and switches a probe authority
   * both ways. Apps notice nothing.
   */
  rehearseSwitch(input: HeldStoresInput): Promise<SwitchRehearsal>;
  /**
   * Returns a number for the next step that raises or lowers fences. The number is greater than that of every step
   * before it, even when this run has forgotten those steps, because the stores do the counting. Touches no fence
   * itself.
   */
  nextFencingNumber(input: NumberInput): Promise<number>;
  /**
   * Moves the authority to V2: fence, drain, verify, flip, tell traffic, open. When it fails before the flip it lowers
   * the fence itself.
   */
  cutover(input: FencingInput): Promise<SwitchReport>;
  /**
   * Moves the authority back to the sources: the same steps with the sides swapped. Loses nothing while the sync
   * replicates both ways.
   */
  rollback(input: FencingInput): Promise<SwitchReport>;
  /**
   * Lowers the fence on the side that has the authority, so that its apps have their ACL rules back. It is the undo of
   * a fence that was raised before the flip.
   *
   * @returns the side that has the authority
   */
  unfence(input: FencingInput): Promise<Side>;
  /** Before the flip: fences V2's app users, then waits until V1 has everything that they wrote. */
  drainToSource(input: FencingInput): Promise<void>;
  /**
   * Deletes on V2 the keys that we created and restores the values that were there before. Keys that an app changed
   * since then stay (`kept`). Must run after the sync has stopped: a late write of the sync would bring keys back.
   */
  clearTarget(input: KnownInput): Promise<{ deleted: number; restored: number; kept: number }>;
  /** Verifies every key of every link once, in both directions, at the end of the window. */
  verifyAll(input: HeldStoresInput): Promise<{ compared: number; diverged: number }>;
  /**
   * Saves the conflict journal and the quarantine into the backup directory, then drops our keys. The authority record
   * stays.
   */
  dropRecords(input: KnownInput & { keepLedger: boolean }): Promise<void>;
};

/** Input of one observe call: `WatchInput` says what to wait for and what the call before it has remembered. */
export type ObserveInput = WatchInput &
  HeldStoresInput & {
    /** The call returns after this time at the latest, with a fresh snapshot; ms. 0 = one read. */
    forMs: number;
    /** News ends the call only after this time, ms. @default 0 */
    quietMs?: number;
    /** The state of the run, for the heartbeats and the metrics of this call. Absent = this call tells nothing. */
    told?: ToldState;
    /**
     * Concerns that the workflow knows already, in the words of `concernsOf`. The call returns at once when it sees a
     * new one.
     */
    suspected?: readonly string[];
  };

/** An operator's decision on a suspect side. */
export type ResolveInput = HeldStoresInput & {
  /** `absence`: the suspect side is right. `restore`: the other side is right. */
  word: Acceptance;
  /** Which link is meant; needed only when several are suspect. */
  link?: string;
  /** Which side of the link is meant; needed only when both are suspect. */
  side?: Side;
  /** The syncs have ended: no process is left that could carry a decision out. */
  syncEnded?: true;
};
