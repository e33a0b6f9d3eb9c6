import type { AuthorityRecord } from '../authority/authority-record.ts';
import type { Side } from '../plan/plan.ts';
import type { Stranger } from '../keys/writers.ts';
import type { Acceptance } from '../protocol/loss-suspicion.ts';
import type { Throttle } from '../plan/throttle.ts';

/** Percentiles in ms. `null` means not measured, which never counts as healthy. */
export type Lag = { readonly p50: number | null; readonly p99: number | null };

/** One value per direction. The name is that of the side that is written to. */
export type ByDirection<T> = { readonly toTarget: T; readonly toSource: T };

/**
 * A status that one process wrote and another one has read. `ageMs` is its age at that read, ms, by the one clock of
 * the server that holds it. `null` means that this clock was set back meanwhile, so the age is unknown. The status
 * contains no instant, because a reader would compare an instant with the clock of another machine.
 */
export type Dated<T> = T & { readonly ageMs: number | null };

/**
 * A moment in the life of each shard's sync, by shard: the token of its attempt, and how many statuses that attempt had
 * written. It contains no clock.
 */
export type Moments = Readonly<Record<string, { readonly token: number; readonly word: number }>>;

/** The status that the sync of one link, or of one shard of it, writes about once a second. */
export type LinkStatus = {
  readonly link: string;
  /** Name of the shard. Absent means the whole link. */
  readonly shard?: string;
  /** Token of the attempt that wrote this status. */
  readonly token: number;
  /** The moment at which the sync wrote this status. Absent means not known. */
  readonly moments?: Moments;
  readonly state: 'scanning' | 'live';
  /**
   * `copied`: keys that the scan has read. `total`: keys that existed when the scan began; the scan itself estimates
   * it, and it is exact when the scan is done.
   */
  readonly copied: number;
  readonly total: number;
  /** Names of the datasets whose scan is complete. */
  readonly joined: readonly string[];
  readonly lagMs: ByDirection<Lag>;
  readonly pending: ByDirection<number>;
  readonly carried: ByDirection<number>;
  readonly conflicts: number;
  /**
   * Changes on V1 or Nexten since V2 serves: a client still writes there. Changes of keys that V2 has a value for also
   * count as conflicts.
   */
  readonly strays?: number;
  /** Keys that the verifier found different and that this attempt repaired. */
  readonly repaired?: number;
  readonly quarantined: number;
  /** Entries of the ledger on each side, as the last walk over the ledger found them. Absent means not counted yet. */
  readonly ledgerEntries?: Readonly<Record<Side, number>>;
  /**
   * Memory that the records of the whole link take, bytes: the conflict journal on each side, and the copies in
   * quarantine. Absent means not measured by this shard.
   */
  readonly recordBytes?: { readonly journal: Readonly<Record<Side, number>>; readonly quarantine: number };
  /** Set while the circuit breaker stops a direction, because absences on `side` are suspect. */
  readonly breaker: { readonly side: Side; readonly reason: string } | null;
  /** All suspect sides, the one of `breaker` first. A link in shards lists those of every shard. */
  readonly suspects?: readonly Suspect[];
  /** The reason why the sync runs slower than it could; `null` when it does not. */
  readonly throttled: string | null;
  /**
   * The limits in force. `share`: the part of the configured limits that the measured impact leaves, 0 to 1.
   * `batchKeys`: the number of keys in one call.
   */
  readonly throttle?: Throttle & { readonly share: number; readonly batchKeys: number };
  /** Bytes that this attempt has moved, on the connections to each side. */
  readonly bytes?: Readonly<Record<Side, { readonly read: number; readonly written: number }>>;
};

/**
 * A suspect side, with the number of its keys that the circuit breaker holds back. The breaker holds back absences, and
 * older values too when the side is `stale`.
 */
export type Suspect = {
  readonly side: Side;
  /** Time at which the suspicion began, ms. It also names the suspicion. */
  readonly since: number;
  readonly reason: string;
  readonly stale: boolean;
  /** The operator's decision that the sync carries out now; `null` means none. */
  readonly accepted: Acceptance | null;
  readonly keys: number;
};

/**
 * The status that the verifier of one link writes after each pass and about once a second in between. It names a key
 * only by its dataset and a short hash, because personal data must stay in Redis.
 */
export type VerifyStatus = {
  readonly link: string;
  /** Whole passes so far, including those of remembered earlier lives. */
  readonly passes: number;
  /**
   * The last whole pass. `null` means that none has ended, neither in this life nor in a remembered one, so the counts
   * prove nothing.
   */
  readonly pass: WholePass | null;
  /** The last pass without a difference; `null` means none yet. */
  readonly clean: CleanPass | null;
  readonly settled: number;
  readonly equal: number;
  readonly pending: number;
  readonly hot: number;
  readonly diverged: number;
  readonly quarantined: number;
  /** By the last census, or by the last whole pass while no census has ended. */
  readonly sessions: { readonly live: number; readonly migrated: number; readonly lost: number };
  /** Absent means that the link has no sessions, or that an older release wrote this status. */
  readonly census?: SessionCensus;
  /** `source`: keys of role `cache` that exist on the source. `target`: those of them that also exist on the target. */
  readonly cache: { readonly source: number; readonly target: number };
  readonly evidence: readonly { readonly dataset: string; readonly key: string; readonly what: string }[];
};

/** One read of each key of every dataset that takes part. */
export type WholePass = {
  readonly datasets: readonly string[];
  /** The side that served when the pass began. */
  readonly authority: Side;
  /** Keys that the pass found. */
  readonly keys: number;
  readonly tookMs: number;
  /** Time from the end of the pass to this status, ms. */
  readonly ageMs: number;
  /** An earlier life of the verifier ran this pass, and this one remembers it. */
  readonly remembered: boolean;
  /** The moments of the syncs before the pass began. Absent means that an older release ran it. */
  readonly from?: Moments;
};

/**
 * The count of the sessions of a link. The verifier makes it by passes of its own over the datasets of role `sessions`.
 * They do not wait for a whole pass.
 */
export type SessionCensus = {
  /** Ended passes so far, including those of remembered earlier lives. */
  readonly passes: number;
  /** The last one; `null` means that none has ended. */
  readonly pass: WholePass | null;
};

/** A whole pass that found everything equal. */
export type CleanPass = {
  /** Time from the start of the pass to this status, ms. */
  readonly ageMs: number;
  /** The moments of the syncs before the pass began. The pass has seen everything that they had replicated by then. */
  readonly from: Moments;
};

/**
 * The response time of the apps with our work on compared with our work off, in percent, with its confidence interval.
 */
export type ImpactStatus = {
  readonly percent: number;
  readonly low: number;
  readonly high: number;
  /** Number of pairs of windows, one with our work on and one with it off. */
  readonly windows: number;
  /** One entry for each store that serves apps. The figures above are the greatest of these. */
  readonly stores?: readonly StoreImpact[];
};

export type StoreImpact = {
  readonly store: string;
  readonly percent: number;
  readonly low: number;
  readonly high: number;
};

/**
 * One read of everything that the gates judge. A part that could not be read is `null`: it is unknown, and unknown
 * counts as red.
 */
export type Snapshot = {
  readonly links: readonly {
    readonly name: string;
    readonly sync: Dated<LinkStatus> | null;
    readonly verify: Dated<VerifyStatus> | null;
  }[];
  readonly impact: Dated<ImpactStatus> | null;
  /** The authority record that all stores hold; `null` when they do not hold the same one. */
  readonly authority: AuthorityRecord | null;
  /** The reason why nothing was read: a store is not the one that was claimed. */
  readonly doubt?: string;
  /** The reason why nothing could be read: a store does not answer. */
  readonly unseen?: string;
  /** Absent means that the servers were not checked. */
  readonly servers?: ServersSeen;
};

/**
 * `strangers`: users who write and whom the plan does not name. `demoted`: stores with a server that is no master any
 * more.
 */
export type ServersSeen = { readonly strangers: readonly Stranger[]; readonly demoted: readonly string[] };
