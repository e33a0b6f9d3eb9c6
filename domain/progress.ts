import type { Gate } from './gate.ts';
import type { OpenSuspect } from './open-suspects.ts';
import type { Approval, Outcome, Phase } from './phase.ts';
import type { Side } from './side.ts';
import type { Lag } from './status.ts';
import type { Throttle } from './throttle.ts';

/** Answer of the query `progress` (design §4: a contract with other programs). */
export type Progress = {
  readonly migration: string;
  readonly phase: Phase | 'aborting' | 'rolling-back' | 'ended';
  /** `J-3`, `J`, `J+2`. */
  readonly day: string;
  readonly authority: Side;
  readonly percent: number;
  readonly sync: {
    readonly copied: number;
    readonly total: number;
    readonly lagMs: Lag;
    readonly pending: number;
    readonly conflicts: number;
    readonly quarantined: number;
    /** The bounds in force for each link, 0 = no limit, and why they are not used up or lower than asked. */
    readonly throttle: Throttle & {
      /** What the measured impact leaves of the bounds that the plan or `configure` set: 1 = all, 0 = a pause. */
      readonly share: number;
      readonly reason: string | null;
    };
  };
  readonly sessions: { readonly live: number; readonly migrated: number; readonly lost: number };
  /** Percent of settled keys that are equal; `null` = not known. */
  readonly integrity: number | null;
  readonly impactPercent: number | null;
  readonly gates: readonly Gate[];
  readonly rollback: {
    readonly lossless: boolean;
    readonly estimateMs: number | null;
    readonly writesAtRisk: number | null;
    readonly windowEndsAt: string | null;
  };
  readonly waitingFor: {
    readonly what: 'approval' | 'time' | 'gates' | 'resume' | 'nothing';
    readonly gate?: Approval;
    readonly until?: string;
    readonly why: string;
  };
  /** Sides whose absences, or older data, are held back until somebody decides (L5). */
  readonly suspects: readonly OpenSuspect[];
  readonly paused: { readonly by: string; readonly reason: string } | null;
  readonly throttled: string | null;
  readonly lastFailure: string | null;
  readonly outcome: Outcome | null;
};
