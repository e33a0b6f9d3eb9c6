import type { Check } from './check.ts';
import type { SessionCounts } from './progress.ts';
import type { RunOutcome, Phase, Side } from '../plan/plan.ts';

/** The result of the workflow `migration`, and the last line of `jday start --wait --json`. */
export type Report = {
  readonly migration: string;
  readonly outcome: RunOutcome;
  readonly reason: string | null;
  readonly authority: Side;
  readonly epoch: number;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly phases: readonly {
    readonly phase: Phase;
    readonly startedAt: string;
    readonly durationMs: number;
  }[];
  readonly preflight: { readonly warnings: readonly Check[] };
  readonly backups: readonly BackupSummary[];
  readonly sync: {
    readonly keys: number;
    readonly carriedToTarget: number;
    readonly carriedToSource: number;
    readonly conflicts: number;
    readonly quarantined: number;
  };
  /** By the last look at the stores; `null` means not known then. */
  readonly sessions: SessionCounts;
  /** Percent, by the last look at the stores; `null` means not known then. */
  readonly integrity: number | null;
  readonly cutover: SwitchReport | null;
  readonly rollback: SwitchReport | null;
  readonly cleared: { readonly deleted: number; readonly restored: number; readonly kept: number } | null;
  readonly approvals: readonly {
    readonly gate: string;
    readonly by: string;
    readonly reason: string;
    readonly at: string;
  }[];
  /**
   * Gates that were allowed to pass unmeasured. `by`: the operator; `null` means that the plan says it. Reports of older
   * releases lack this.
   */
  readonly waivers?: readonly {
    readonly gate: string;
    readonly by: string | null;
    readonly reason: string;
    readonly at: string | null;
  }[];
  /** Undo steps that did not succeed. An operator has to look at each. */
  readonly undone: readonly { readonly step: string; readonly problem: string | null }[];
};

export type BackupSummary = {
  readonly id: string;
  readonly stores: readonly {
    readonly name: string;
    readonly keys: number;
    readonly bytes: number;
    /** SHA-256 of the RDB. For a cluster, those of the RDBs of its nodes, with spaces between. */
    readonly sha256: string;
  }[];
  readonly files: readonly {
    readonly name: string;
    readonly files: number;
    readonly bytes: number;
    readonly sha256: string;
  }[];
  /** True only after the backup was restored into a scratch server and compared. */
  readonly proven: boolean;
  readonly durationMs: number;
};

/** The move of the authority from one side to the other. Times are in ms. */
export type SwitchReport = {
  readonly to: Side;
  readonly epoch: number;
  /** How long writes were blocked, ms. */
  readonly fencedMs: number;
  readonly steps: readonly { readonly step: string; readonly ms: number }[];
  /** Number of keys that were verified under the fence. */
  readonly verified: number;
  readonly attempts: number;
};

/** The measurements and proofs of the rehearsal, which runs the switch on probes. */
export type SwitchRehearsal = {
  /** Time in which every link replicated a probe from source to target and back, ms. */
  readonly roundTripMs: number;
  /** How long a cutover would block writes, as far as it can be known now, ms. */
  readonly predictedFenceMs: number;
  readonly fenceProof: readonly {
    readonly store: string;
    readonly users: number;
    readonly proven: boolean;
    readonly why?: string;
  }[];
};
