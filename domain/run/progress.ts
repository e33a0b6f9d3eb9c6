import type { Gate } from '../gates/gate.ts';
import type { OpenSuspect } from '../gates/concerns.ts';
import type { Approval, RunOutcome, Phase, Side } from '../plan/plan.ts';
import type { Lag } from '../gates/status.ts';
import type { Throttle } from '../plan/throttle.ts';
import type { Compared } from '../gates/integrity.ts';
import { showDuration } from '../plan/duration.ts';

/** The answer of the query `progress`. It is a contract with other programs. */
export type Progress = {
  readonly migration: string;
  readonly phase: Phase | 'aborting' | 'rolling-back' | 'ended';
  /** Name of the plan day: `J-3`, `J`, `J+2`. */
  readonly day: string;
  /** The side that serves; `null` means not known: never read, read too long ago, or on its way. */
  readonly authority: Side | null;
  /** The side that served when the run last read it or wrote it, and how long ago that was. `null` means not known. */
  readonly authorityRead: { readonly side: Side; readonly ageMs: number } | null;
  /**
   * Ages of what the numbers rest on, ms. `look`: the last look at the stores. `sync`, `verify` and `impact`: the oldest
   * status of that kind. `null` means never seen, or not to be dated.
   */
  readonly agesMs: Ages;
  readonly percent: number;
  readonly sync: {
    readonly copied: number;
    readonly total: number;
    readonly lagMs: Lag;
    readonly pending: number;
    readonly conflicts: number;
    /** Keys that the verifier found different and that the sync repaired. */
    readonly repaired: number;
    readonly quarantined: number;
    /** The limits in force for each link, 0 = no limit, and the reason why they are lower than asked or not used up. */
    readonly throttle: Throttle & {
      /**
       * The part of the configured limits (by the plan or `configure`) that the measured impact leaves: 1 = all, 0 = a
       * pause.
       */
      readonly share: number;
      readonly reason: string | null;
    };
  };
  /** `null` means not known. */
  readonly sessions: SessionCounts;
  /** Percentage of settled keys that are equal; `null` means not known. */
  readonly integrity: number | null;
  /**
   * The coverage of `integrity`: the settled keys among those that the last whole passes found, and the age of these
   * passes. `null` means that `integrity` covers nothing.
   */
  readonly compared: Compared | null;
  /** Percent; `null` means not known, or that the interval is wider than the limit, so that no figure would be true. */
  readonly impactPercent: number | null;
  /** The confidence interval of the last measurement, percent, and its words for a person; `null` means not known. */
  readonly impact: { readonly low: number; readonly high: number; readonly words: string } | null;
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
  /** Sides whose absences, or older data, the circuit breaker holds back until an operator decides. */
  readonly suspects: readonly OpenSuspect[];
  readonly paused: { readonly by: string; readonly reason: string } | null;
  /**
   * Why the migration goes back, or went back: who or what began it, with the value and the limit of a trigger. `null`
   * means that it goes forward.
   */
  readonly goingBack: { readonly by: string; readonly reason: string } | null;
  readonly throttled: string | null;
  readonly lastFailure: string | null;
  readonly outcome: RunOutcome | null;
};

export type Ages = {
  readonly look: number | null;
  readonly sync: number | null;
  readonly verify: number | null;
  readonly impact: number | null;
};

export type SessionCounts = {
  readonly live: number | null;
  readonly migrated: number | null;
  readonly lost: number | null;
};

/**
 * Returns the line that an operator reads at 3 a.m. It calls a value unknown when it is not known, and it rounds
 * nothing up to 100 %.
 */
export function progressLine(progress: Progress): string {
  const { day, phase, agesMs, sync, integrity, impact } = progress;
  return [
    `${day} ${phase}`,
    `authority ${authorityShown(progress)}`,
    `copy ${copyPercent(progress)}`,
    `lag p99 ${sync.lagMs.p99 === null ? 'unknown' : `${Math.round(sync.lagMs.p99)} ms`}`,
    `integrity ${integrity === null ? 'unknown' : `${Math.floor(integrity * 100) / 100} %${ofKeys(progress.compared)}`}`,
    `sessions ${sessionsShown(progress.sessions)}`,
    `impact ${impact?.words ?? 'unknown'}`,
    `way back: ${wayBack(progress.rollback)}`,
    agesMs.look === null ? 'stores not read yet' : `read ${shownAge(agesMs.look)} ago`,
  ].join(' · ');
}

function authorityShown({ authority, authorityRead }: Progress): string {
  if (authority !== null) return sideName(authority);
  return authorityRead === null
    ? 'unknown'
    : `unknown (${sideName(authorityRead.side)} ${shownAge(authorityRead.ageMs)} ago)`;
}

export function sideName(side: Side): string {
  return side === 'source' ? 'V1' : 'V2';
}

function copyPercent({ sync: { copied, total }, agesMs }: Progress): string {
  if (agesMs.sync === null) return 'unknown';
  return `${total === 0 ? 0 : Math.min(100, Math.floor((100 * copied) / total))} %`;
}

function sessionsShown({ live, lost }: SessionCounts): string {
  return live === null || lost === null ? 'unknown' : `${grouped(live)} live, ${grouped(lost)} lost`;
}

/** An age in whole seconds: an operator compares it with limits of seconds. */
function shownAge(ageMs: number): string {
  return ageMs < 1_000 ? '0 s' : showDuration(Math.round(ageMs / 1_000) * 1_000);
}

function wayBack({ lossless, estimateMs, writesAtRisk }: Progress['rollback']): string {
  const estimate = estimateMs === null ? '' : `, ~${showDuration(estimateMs)}`;
  if (lossless) return `lossless${estimate}`;
  return writesAtRisk === null
    ? 'not known to be lossless'
    : `not ready, ${grouped(writesAtRisk)} writes at risk`;
}

/**
 * Returns the share of keys that the score covers, and the age of the score. A score on almost no keys must not look
 * like a score on all.
 */
function ofKeys(compared: Progress['compared']): string {
  if (compared === null || compared.percent === null) return '';
  const share = `${Math.floor(compared.percent * 10) / 10} % of ${grouped(compared.known)}`;
  return ` (${share} keys, ${shownAge(compared.passAgeMs)} ago)`;
}

/** Groups digits in threes: 41 210. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}
