import type { Dataset, Plan, Store } from '../../domain/plan.ts';

/** A plan for tests of backup and preflight: what they look at is given, the rest is plain. */
export function planOf(
  given: Pick<Plan, 'stores' | 'datasets'> & Partial<Plan> & { readonly backupDirectory?: string },
): Plan {
  const { backupDirectory, ...rest } = given;
  return {
    migration: 'test',
    jDay: { inDays: 7 },
    timeline: { startDay: -7, readinessDay: -1, windowDays: 7 },
    dayMs: 86_400_000,
    mode: 'bidirectional',
    files: [],
    gates: {
      lagP99Ms: 100,
      integrityPercent: 100,
      sessionsLost: 0,
      cacheHitsKeptPercent: 95,
      impactPercent: 5,
      holdMs: 300_000,
      fenceBudgetMs: 2_000,
      cutoverAttempts: 3,
    },
    triggers: { integrityPercent: 95, sessionsLost: 0, lagP99Ms: 1_000, lagForMs: 60_000 },
    approvals: { readiness: 'auto', cutover: 'auto', complete: 'auto' },
    traffic: [],
    backup: { directory: backupDirectory ?? '/nonexistent', retentionDays: 14 },
    throttle: { copyKeysPerSecond: 0, verifyKeysPerSecond: 0 },
    ...rest,
  };
}

export function storeOf(name: string, url: string, more: Partial<Store> = {}): Store {
  return { name, side: name === 'v2' ? 'target' : 'source', url, appUsers: [], ...more };
}

export function datasetOf(name: string, pattern: string, more: Partial<Dataset> = {}): Dataset {
  return {
    name,
    from: 'v1',
    patterns: [pattern],
    excludes: [],
    joins: 'sync',
    role: 'cache',
    transform: 'none',
    ...more,
  };
}
