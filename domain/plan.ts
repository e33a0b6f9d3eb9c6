import type { Approval } from './phase.ts';
import type { Side } from './side.ts';

/**
 * The resolved plan: the whole input of the workflow `migration`. Plain JSON. Every `${NAME}` of the file is
 * filled in, except in store URLs, which stay references: passwords never enter history (L12).
 */
export type Plan = {
  /** Name of the migration, `[a-z0-9-]{1,40}`. Workflow id: `jday-<migration>`. */
  readonly migration: string;
  readonly jDay: { readonly inDays: number } | { readonly at: string };
  readonly timeline: {
    /** Days relative to J-Day: -7 is `J-7`. */
    readonly startDay: number;
    readonly readinessDay: number;
    /** Length of the rollback window after the flip, in days. */
    readonly windowDays: number;
  };
  /** Length of a day in ms; every wait, hold and window scales with it. */
  readonly dayMs: number;
  readonly mode: 'bidirectional' | 'forward';
  /** Syncs that share the keys of a link, 1 to 64; absent = 1. */
  readonly shards?: number;
  readonly stores: readonly Store[];
  readonly datasets: readonly Dataset[];
  readonly files: readonly FileSet[];
  readonly gates: GateLimits;
  readonly triggers: TriggerLimits;
  readonly approvals: Readonly<Record<Approval, 'manual' | 'auto'>>;
  readonly traffic: readonly Traffic[];
  readonly backup: {
    readonly directory: string;
    readonly retentionDays: number;
  };
  readonly throttle: {
    /** Initial copy and re-scan, keys per second per link; 0 = no limit. */
    readonly copyKeysPerSecond: number;
    /** Verification, keys per second per link; 0 = no limit. */
    readonly verifyKeysPerSecond: number;
    /** Absent in the plans of older runs; see `throttleOf`. */
    readonly copyBytesPerSecond?: number;
    readonly verifyBytesPerSecond?: number;
    readonly batchMs?: number;
  };
};

export type Store = {
  readonly name: string;
  readonly side: Side;
  /** `redis://…`, `rediss://…` or `${NAME:-default}`: resolved by the worker when it connects. Never a password. */
  readonly url: string;
  /** The address is that of a node of a Redis Cluster; absent = one server. */
  readonly cluster?: boolean;
  /** ACL users of the applications; fenced at the cutover. Empty: the fence is a pause only. */
  readonly appUsers: readonly string[];
  /** Glob patterns of keys known and deliberately left behind; the preflight does not report them as unmatched. */
  readonly ignore?: readonly string[];
};

export type Role = 'cache' | 'sessions' | 'metrics' | 'config' | 'model-state';

export type Dataset = {
  readonly name: string;
  /** Name of the source store. */
  readonly from: string;
  /** Redis glob patterns of source keys. */
  readonly patterns: readonly string[];
  /** Glob patterns (source *and* target names) that are not ours. */
  readonly excludes: readonly string[];
  /** Invertible key templates with one `*` each, `metrics:*` → `metrics:v1:*`; absent = same name on both sides. */
  readonly rename?: { readonly from: string; readonly to: string };
  /** `sync`: from J-7 on; `jday`: joins on J-Day. */
  readonly joins: 'sync' | 'jday';
  readonly role: Role;
  readonly transform: 'none' | 'offers_to_jobs';
};

export type FileSet = {
  readonly name: string;
  readonly from: string;
  /** Copied there too when given (V2's volume). */
  readonly to?: string;
};

/** Green limits before the flip (design §8, the ladder). All ms are for a day of 24 h; see `scaled`. */
export type GateLimits = {
  readonly lagP99Ms: number;
  readonly integrityPercent: number;
  readonly sessionsLost: number;
  readonly cacheHitsKeptPercent: number;
  readonly impactPercent: number;
  /** How long all gates must be green. */
  readonly holdMs: number;
  /** Longest time that writes may be blocked at the cutover; real time, not scaled. */
  readonly fenceBudgetMs: number;
  /** Failed cutover attempts before the migration aborts. */
  readonly cutoverAttempts: number;
};

/** What rolls back (after the flip) or aborts (before it) by itself. */
export type TriggerLimits = {
  readonly integrityPercent: number;
  readonly sessionsLost: number;
  /** Before the flip only: lag p99 above this for `lagForMs` aborts. Never a rollback after it. */
  readonly lagP99Ms: number;
  readonly lagForMs: number;
};

export type Traffic =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'command'; readonly command: readonly string[] };
