import type { Side } from './side.ts';
import type { Acceptance } from './suspicion.ts';
import type { Throttle } from './throttle.ts';

/** Percentiles in ms; `null` = not measured, which is never healthy (L7). */
export type Lag = { readonly p50: number | null; readonly p99: number | null };

/** Per direction, named by the side written to. */
export type ByDirection<T> = { readonly toTarget: T; readonly toSource: T };

/** What the sync of one link, or of one shard of it, says of itself, about once a second. */
export type LinkStatus = {
  readonly link: string;
  /** Name of the shard; absent = the whole link. */
  readonly shard?: string;
  readonly token: number;
  readonly at: number;
  readonly state: 'scanning' | 'live';
  /** Keys looked at by the scan / keys there when it began (estimate from the scan itself, exact when done). */
  readonly copied: number;
  readonly total: number;
  /** Names of datasets whose scan is complete. */
  readonly joined: readonly string[];
  readonly lagMs: ByDirection<Lag>;
  readonly pending: ByDirection<number>;
  readonly carried: ByDirection<number>;
  readonly conflicts: number;
  readonly quarantined: number;
  /** Set while a direction is stopped because absences on `side` are suspect (L5). */
  readonly breaker: { readonly side: Side; readonly reason: string } | null;
  /** All suspect sides, the one of `breaker` first; of a link in shards those of every shard. */
  readonly suspects?: readonly Suspect[];
  /** Why the sync goes slower than it could; `null` = it does not. */
  readonly throttled: string | null;
  /** The bounds in force, what the measured impact leaves of the asked ones, and how many keys a call holds. */
  readonly throttle?: Throttle & { readonly share: number; readonly batchKeys: number };
  /** Bytes moved by this attempt, on the connections to each side. */
  readonly bytes?: Readonly<Record<Side, { readonly read: number; readonly written: number }>>;
};

/** A side of which absences, and older data where it is stale, are held back, with how many keys that are (L5). */
export type Suspect = {
  readonly side: Side;
  /** Ms; names the suspicion. */
  readonly since: number;
  readonly reason: string;
  readonly stale: boolean;
  /** The decision that is being carried out. */
  readonly accepted: Acceptance | null;
  readonly keys: number;
};

/** What the verifier of one link says after each pass. Keys appear as dataset + short hash only (L12). */
export type VerifyStatus = {
  readonly link: string;
  readonly at: number;
  /** Complete passes so far. */
  readonly passes: number;
  /** Start of the last pass without a difference, ms; `null` = none yet. */
  readonly cleanSince: number | null;
  readonly settled: number;
  readonly equal: number;
  readonly pending: number;
  readonly hot: number;
  readonly diverged: number;
  readonly quarantined: number;
  readonly sessions: { readonly live: number; readonly migrated: number; readonly lost: number };
  /** Keys of role `cache` present on the source / of those, present on the target. */
  readonly cache: { readonly source: number; readonly target: number };
  readonly evidence: readonly { readonly dataset: string; readonly key: string; readonly what: string }[];
};

/** Apps' response time with our work on against off, in percent, with its confidence interval. */
export type ImpactStatus = {
  readonly at: number;
  readonly percent: number;
  readonly low: number;
  readonly high: number;
  readonly windows: number;
  /** Each store where apps are served; the figures above are the greatest of these. */
  readonly stores?: readonly StoreImpact[];
};

export type StoreImpact = {
  readonly store: string;
  readonly percent: number;
  readonly low: number;
  readonly high: number;
};

/** One look at the whole world. A part that could not be read is `null`: unknown, hence red (L7). */
export type Snapshot = {
  readonly at: number;
  readonly links: readonly {
    readonly name: string;
    readonly sync: LinkStatus | null;
    readonly verify: VerifyStatus | null;
  }[];
  readonly impact: ImpactStatus | null;
  readonly authority: { readonly side: Side; readonly epoch: number } | null;
};
