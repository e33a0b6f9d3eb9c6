import type { Check } from './check.ts';
import type { Outcome, Phase } from './phase.ts';
import type { Side } from './side.ts';

/** Result of the workflow `migration`, and last line of `jday start --wait --json`. */
export type Report = {
  readonly migration: string;
  readonly outcome: Outcome;
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
  readonly sessions: { readonly live: number; readonly migrated: number; readonly lost: number };
  /** Percent; `null` = never measured. */
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
  /** Undo steps that did not succeed; an operator has to look at each. */
  readonly undone: readonly { readonly step: string; readonly problem: string | null }[];
};

export type BackupSummary = {
  readonly id: string;
  readonly stores: readonly {
    readonly name: string;
    readonly keys: number;
    readonly bytes: number;
    /** Of its RDB; of a cluster those of the nodes' RDBs, with spaces between. */
    readonly sha256: string;
  }[];
  readonly files: readonly {
    readonly name: string;
    readonly files: number;
    readonly bytes: number;
    readonly sha256: string;
  }[];
  /** True only after it was restored into a scratch server and compared (L10). */
  readonly proven: boolean;
  readonly durationMs: number;
};

/** How authority moved from one side to the other. Times in ms. */
export type SwitchReport = {
  readonly to: Side;
  readonly epoch: number;
  /** How long writes were blocked. */
  readonly fencedMs: number;
  readonly steps: readonly { readonly step: string; readonly ms: number }[];
  readonly verified: number;
  readonly attempts: number;
};
