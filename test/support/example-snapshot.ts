import type { ImpactStatus, LinkStatus, Snapshot, Suspect, VerifyStatus } from '../../domain/status.ts';

/** What differs from a world in which all is well. Numbers count for each link, except where named. */
export type World = {
  readonly sync?: Partial<LinkStatus> | null;
  readonly verify?: Partial<VerifyStatus> | null;
  readonly impact?: Partial<ImpactStatus> | null;
  readonly authority?: Snapshot['authority'];
  /** The statuses of this link only; the other one stays as it is without the change. */
  readonly only?: 'v1' | 'nexten';
};

/** A source that was flushed, and nobody has decided yet. */
export const SUSPECT: Suspect = {
  side: 'source',
  since: 1,
  reason: 'the server was flushed',
  stale: false,
  accepted: null,
  keys: 20,
};

/** One look at the links of `examplePlan`, taken at `at`; everything is green unless changed. */
export function exampleSnapshot(at: number, world: World = {}): Snapshot {
  const changed = (name: string) => world.only === undefined || world.only === name;
  return {
    at,
    links: ['v1', 'nexten'].map((name) => ({
      name,
      sync: changed(name) && world.sync === null ? null : syncOf(name, at, changed(name) ? world.sync : {}),
      verify:
        changed(name) && world.verify === null ? null : verifyOf(name, at, changed(name) ? world.verify : {}),
    })),
    impact:
      world.impact === null
        ? null
        : {
            at,
            percent: 1,
            low: 0,
            high: 2,
            windows: 12,
            stores: [{ store: 'v1', percent: 1, low: 0, high: 2 }],
            ...world.impact,
          },
    authority: world.authority === undefined ? { side: 'source', epoch: 1 } : world.authority,
  };
}

function syncOf(link: string, at: number, change: Partial<LinkStatus> | null | undefined): LinkStatus {
  return {
    link,
    token: 1,
    at,
    state: 'live',
    copied: 100,
    total: 100,
    joined: ['matches', 'sessions', 'embeddings'],
    lagMs: { toTarget: { p50: 1, p99: 8 }, toSource: { p50: 1, p99: 9 } },
    pending: { toTarget: 0, toSource: 0 },
    carried: { toTarget: 100, toSource: 0 },
    conflicts: 0,
    quarantined: 0,
    breaker: null,
    throttled: null,
    throttle: {
      copyKeysPerSecond: 20_000,
      copyBytesPerSecond: 0,
      verifyKeysPerSecond: 10_000,
      verifyBytesPerSecond: 0,
      batchMs: 2,
      share: 1,
      batchKeys: 64,
    },
    ...change,
  };
}

function verifyOf(link: string, at: number, change: Partial<VerifyStatus> | null | undefined): VerifyStatus {
  return {
    link,
    at,
    passes: 3,
    cleanSince: at,
    settled: 100,
    equal: 100,
    pending: 0,
    hot: 0,
    diverged: 0,
    quarantined: 0,
    sessions: { live: 10, migrated: 10, lost: 0 },
    cache: { source: 50, target: 50 },
    evidence: [],
    ...change,
  };
}
