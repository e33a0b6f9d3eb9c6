/**
 * The resolved plan. It is the whole input of the workflow `migration`, as plain JSON. Every `${NAME}` of the file is
 * filled in. Only the store URLs stay references, so that no password enters the workflow history.
 */
export type Plan = {
  /** Name of the migration, `[a-z0-9-]{1,40}`. The workflow id is `jday-<migration>`. */
  readonly migration: string;
  readonly jDay: { readonly inDays: number } | { readonly at: string };
  readonly timeline: {
    /** Day relative to J-Day: -7 is `J-7`. */
    readonly startDay: number;
    readonly readinessDay: number;
    /** Length of the rollback window after the flip, in days. */
    readonly windowDays: number;
  };
  /** Length of a plan day, ms. Every wait, hold and window scales with it. */
  readonly dayMs: number;
  readonly mode: 'bidirectional' | 'forward';
  /** Number of syncs that share the keys of a link, 1 to 64. Absent means 1. */
  readonly shards?: number;
  readonly stores: readonly Store[];
  readonly datasets: readonly Dataset[];
  readonly files: readonly FileSet[];
  readonly gates: GateLimits;
  readonly triggers: TriggerLimits;
  readonly approvals: Readonly<Record<Approval, 'manual' | 'auto'>>;
  readonly traffic: readonly TrafficHook[];
  readonly backup: {
    readonly directory: string;
    readonly retentionDays: number;
  };
  readonly throttle: {
    /** Limit of the initial copy and the re-scan, keys per second for each link; 0 means no limit. */
    readonly copyKeysPerSecond: number;
    /** Limit of the verification, keys per second for each link; 0 means no limit. */
    readonly verifyKeysPerSecond: number;
    /** Plans of older runs lack this field and the two after it, see `throttleOf`. */
    readonly copyBytesPerSecond?: number;
    readonly verifyBytesPerSecond?: number;
    readonly batchMs?: number;
  };
};

/** A link has two sides: `source` (V1 or Nexten) and `target` (V2). One of them is the authority. */
export type Side = 'source' | 'target';

export function otherSide(side: Side): Side {
  return side === 'source' ? 'target' : 'source';
}

export type Store = {
  readonly name: string;
  readonly side: Side;
  /**
   * `redis://…`, `rediss://…` or `${NAME:-default}`. The worker resolves it when it connects. It never contains a
   * password.
   */
  readonly url: string;
  /** The URL is that of a node of a Redis Cluster. Absent means one server. */
  readonly cluster?: boolean;
  /** Files for connections with TLS, which a `rediss://` URL asks for. Absent means those that Node knows. */
  readonly tls?: TlsFiles;
  /**
   * ACL users of the applications, which the cutover fences. Without them the fence of a source is only a pause of its
   * writes. A target without them, or a server that several stores share, then has no fence.
   */
  readonly appUsers: readonly string[];
  /** ACL users who may write and are never fenced. */
  readonly otherWriters?: readonly string[];
  /**
   * The reason why the store has no app users. The preflight is red for a store without app users and without this
   * reason.
   */
  readonly unfenced?: string;
  /**
   * The reason why a restart of this server may open its fence for a moment. Absent means that the server must save the
   * fence.
   */
  readonly fenceMayForget?: string;
  /** Glob patterns of keys that stay behind on purpose. The preflight does not report them as unmatched. */
  readonly ignore?: readonly string[];
};

/**
 * Paths of PEM files, on the machine of the process that connects, and the name that the certificates of the servers
 * carry.
 *
 * - `ca`: the certificates of the authorities that may sign those of the servers. Absent: the authorities of Node.
 * - `cert` and `key`: our certificate and its private key, for servers that demand one.
 * - `servername`: absent means the host of each connection.
 */
export type TlsFiles = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
};

export type Role = 'cache' | 'sessions' | 'metrics' | 'config' | 'model-state';

export type Dataset = {
  readonly name: string;
  /** Name of the source store. */
  readonly from: string;
  /** Redis glob patterns of source keys. */
  readonly patterns: readonly string[];
  /** Glob patterns of keys that the dataset does not own, by the source name *and* by the target name. */
  readonly excludes: readonly string[];
  /**
   * Key templates with one `*` each, which can be inverted, for example `metrics:*` → `metrics:v1:*`. Absent means that
   * a key has the same name on both sides.
   */
  readonly rename?: { readonly from: string; readonly to: string };
  /** `sync`: the dataset joins on the plan's first day. `jday`: it joins on J-Day. */
  readonly joins: 'sync' | 'jday';
  readonly role: Role;
  readonly transform: 'none' | 'offers_to_jobs';
};

export type FileSet = {
  readonly name: string;
  readonly from: string;
  /** When this is set, the files are also copied to this directory (V2's volume). */
  readonly to?: string;
};

/** Limits of the gates. Only `holdMs` scales with the length of a plan day, see `scaled`. */
export type GateLimits = {
  readonly lagP99Ms: number;
  readonly integrityPercent: number;
  readonly sessionsLost: number;
  readonly cacheHitsKeptPercent: number;
  readonly impactPercent: number;
  /** How long all gates must stay green, ms, for a day of 24 h. */
  readonly holdMs: number;
  /** The longest time for which a cutover may block writes, ms of real time: it does not scale with the plan day. */
  readonly fenceBudgetMs: number;
  /** The migration aborts after this number of failed cutover attempts. */
  readonly cutoverAttempts: number;
  /** Gates that may pass although there is nothing to measure them by. Absent means none. */
  readonly waive?: readonly Waiver[];
};

/** Longest text of a person, in characters. Progress, pages and reports show it. */
export const MOST_TEXT_CHARS = 500;

/**
 * The gates that may be waived. Each of them measures something that a place may not have: a quiet store, a live
 * session, a cached key. The other gates guard the data, and what they need is there in every migration.
 */
export const WAIVABLE_GATES = ['impact', 'sessions', 'cacheHits'] as const;
export type WaivableGate = (typeof WAIVABLE_GATES)[number];

/**
 * A person accepts that a gate cannot be known. A waiver never covers a red gate, nor a signal that is missing or too
 * old.
 */
export type Waiver = {
  readonly gate: WaivableGate;
  readonly reason: string;
  /** The operator who has said it. Absent means that the plan says it. */
  readonly by?: string;
};

/** Limits beyond which the migration goes back by itself: it aborts before the flip and rolls back after it. */
export type TriggerLimits = {
  readonly integrityPercent: number;
  readonly sessionsLost: number;
  /**
   * Before the flip the migration aborts when the lag p99 stays above this for `lagForMs`. After the flip the lag never
   * causes a rollback.
   */
  readonly lagP99Ms: number;
  readonly lagForMs: number;
};

export type TrafficHook =
  | { readonly kind: 'webhook'; readonly url: string }
  | { readonly kind: 'command'; readonly command: readonly string[] };

/** One source store and the target, with the datasets that travel between them. Each link has its own sync. */
export type Link = {
  /** Name of the source store. */
  readonly name: string;
  readonly source: Store;
  readonly target: Store;
  readonly datasets: readonly Dataset[];
  /** Number of syncs that share the keys of the link, see `domain/keys/shard.ts`. */
  readonly shards: number;
};

/** Returns the links of a plan: one for each source store that owns a dataset. */
export function linksOf(plan: Plan): readonly Link[] {
  const target = targetOf(plan);
  return plan.stores
    .filter((store) => store.side === 'source')
    .map((source) => ({
      name: source.name,
      source,
      target,
      datasets: plan.datasets.filter((dataset) => dataset.from === source.name),
      shards: plan.shards ?? 1,
    }))
    .filter((link) => link.datasets.length > 0);
}

export function targetOf(plan: Plan): Store {
  const target = plan.stores.find((store) => store.side === 'target');
  if (!target) throw new Error('plan without a target store');
  return target;
}

/**
 * The phases in the order in which they run. This order is the product: the backup comes before the first write,
 * readiness proves the way back before the sessions move, and every gate is green before the fence rises.
 */
export const PHASES = [
  'preflight',
  'backup',
  'copy',
  'sync',
  'readiness',
  'sessions',
  'validation',
  'approval',
  'cutover',
  'watch',
  'complete',
] as const;

export type Phase = (typeof PHASES)[number];

/** The end of a migration: `aborted` before the flip, `rolled-back` after it. */
export type RunOutcome = 'completed' | 'aborted' | 'rolled-back';

/** The decisions that a person may have to take, in the order in which they come up. */
export const APPROVALS = ['readiness', 'cutover', 'complete'] as const;
export type Approval = (typeof APPROVALS)[number];

export const DAY_MS = 86_400_000;

/**
 * Scales a duration that is meant for days of 24 h to the length of the plan day. The result is never below `floorMs`,
 * for durations that have a physical limit.
 */
export function scaled(plan: Pick<Plan, 'dayMs'>, ms: number, floorMs: number): number {
  return Math.max(floorMs, Math.round((ms * plan.dayMs) / DAY_MS));
}

/** Returns the instant of J-Day in ms, for a migration that began at `startedAtMs`. */
export function jDayMs(plan: Plan, startedAtMs: number): number {
  return 'at' in plan.jDay ? Date.parse(plan.jDay.at) : startedAtMs + plan.jDay.inDays * plan.dayMs;
}

/** Returns the instant at which the day that contains `nowMs` ends, ms. */
export function nextDayMs(plan: Plan, startedAtMs: number, nowMs: number): number {
  const first = jDayMs(plan, startedAtMs);
  return first + (Math.floor((nowMs - first) / plan.dayMs) + 1) * plan.dayMs;
}

/**
 * Returns the name of the day that contains `nowMs`: `J-3`, `J`, `J+2`. The days are counted from the instant of J-Day.
 */
export function dayName(plan: Plan, startedAtMs: number, nowMs: number): string {
  const offset = Math.floor((nowMs - jDayMs(plan, startedAtMs)) / plan.dayMs);
  if (offset === 0) return 'J';
  return offset < 0 ? `J${offset}` : `J+${offset}`;
}
