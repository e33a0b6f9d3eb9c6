import type { Side } from '../../../domain/plan/plan.ts';
import type {
  ImpactStatus,
  LinkStatus,
  SessionCensus,
  Snapshot,
  Suspect,
  Dated,
  VerifyStatus,
  WholePass,
} from '../../../domain/gates/status.ts';

/** Changes to a snapshot in which all is well. They apply to each link, unless `only` names one. */
export type World = {
  readonly sync?: Partial<Dated<LinkStatus>> | null;
  readonly verify?: Partial<Dated<VerifyStatus>> | null;
  readonly impact?: Partial<Dated<ImpactStatus>> | null;
  readonly authority?: Snapshot['authority'];
  /** `null` = no check has looked at the servers. */
  readonly servers?: Snapshot['servers'] | null;
  /** Changes only the statuses of this link. */
  readonly only?: 'v1' | 'nexten';
};

/** A source that was flushed, before the operator has decided. */
export const SUSPECT: Suspect = {
  side: 'source',
  since: 1,
  reason: 'the server was flushed',
  stale: false,
  accepted: null,
  keys: 20,
};

/**
 * Returns a snapshot of the links of `examplePlan`. Each status was reported just now and is green, unless it is
 * changed.
 */
export function exampleSnapshot(world: World = {}): Snapshot {
  const changed = (name: string) => world.only === undefined || world.only === name;
  return {
    links: ['v1', 'nexten'].map((name) => ({
      name,
      sync: changed(name) && world.sync === null ? null : syncOf(name, changed(name) ? world.sync : {}),
      verify:
        changed(name) && world.verify === null
          ? null
          : verifyOf(name, world.authority?.side ?? 'source', changed(name) ? world.verify : {}),
    })),
    impact:
      world.impact === null
        ? null
        : {
            ageMs: 0,
            percent: 1,
            low: 0,
            high: 2,
            windows: 12,
            stores: [{ store: 'v1', percent: 1, low: 0, high: 2 }],
            ...world.impact,
          },
    authority: world.authority === undefined ? { side: 'source', epoch: 1 } : world.authority,
    ...(world.servers !== null && { servers: world.servers ?? { strangers: [], demoted: [] } }),
  };
}

function syncOf(link: string, change: World['sync']): Dated<LinkStatus> {
  return {
    link,
    token: 1,
    ageMs: 0,
    moments: { [link]: { token: 1, word: 7 } },
    state: 'live',
    copied: 100,
    total: 100,
    joined: ['matches', 'sessions', 'embeddings'],
    lagMs: { toTarget: { p50: 1, p99: 8 }, toSource: { p50: 1, p99: 9 } },
    pending: { toTarget: 0, toSource: 0 },
    carried: { toTarget: 100, toSource: 0 },
    conflicts: 0,
    repaired: 0,
    quarantined: 0,
    ledgerEntries: { source: 10, target: 1_000 },
    recordBytes: { journal: { source: 2_000, target: 1_000 }, quarantine: 500 },
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

function verifyOf(link: string, authority: Side, change: World['verify']): Dated<VerifyStatus> {
  return {
    link,
    ageMs: 0,
    passes: 3,
    pass: examplePass({ authority }),
    clean: { ageMs: 1_500, from: { [link]: { token: 1, word: 5 } } },
    settled: 100,
    equal: 100,
    pending: 0,
    hot: 0,
    diverged: 0,
    quarantined: 0,
    sessions: { live: 10, migrated: 10, lost: 0 },
    census: exampleCensus(link),
    cache: { source: 50, target: 50 },
    evidence: [],
    ...change,
  };
}

/** Returns the third census of a link. It began under the attempts of `exampleSnapshot`, and has just ended. */
export function exampleCensus(link: string, change: Partial<SessionCensus> = {}): SessionCensus {
  const from = { [link]: { token: 1, word: 6 } };
  return { passes: 3, pass: examplePass({ datasets: ['sessions'], keys: 10, from }), ...change };
}

/** Returns a whole pass that has just ended. It covers all datasets of `examplePlan`. */
export function examplePass(change: Partial<WholePass> = {}): WholePass {
  return {
    datasets: ['matches', 'sessions', 'embeddings'],
    authority: 'source',
    keys: 100,
    tookMs: 1_000,
    ageMs: 500,
    remembered: false,
    ...change,
  };
}
