import type { Plan } from '../../../domain/plan/plan.ts';

/**
 * Returns a plan with two links and sessions on the first one. It approves itself. `change` replaces what a test is
 * about.
 */
export function examplePlan(change: Partial<Plan> = {}): Plan {
  return {
    migration: 'example',
    jDay: { inDays: 7 },
    timeline: { startDay: -7, readinessDay: -1, windowDays: 7 },
    dayMs: 86_400_000,
    mode: 'bidirectional',
    stores: [
      { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: ['v1-app'] },
      { name: 'nexten', side: 'source', url: '${SOURCE_NEXTEN}', appUsers: [] },
      { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: ['v2-app'] },
    ],
    datasets: [
      dataset('matches', 'v1', 'cache', 'sync'),
      dataset('sessions', 'v1', 'sessions', 'jday'),
      dataset('embeddings', 'nexten', 'cache', 'sync'),
    ],
    files: [],
    gates: {
      lagP99Ms: 100,
      integrityPercent: 100,
      sessionsLost: 0,
      cacheHitsKeptPercent: 95,
      impactPercent: 5,
      holdMs: 300_000,
      fenceBudgetMs: 1_000,
      cutoverAttempts: 3,
    },
    triggers: { integrityPercent: 95, sessionsLost: 0, lagP99Ms: 1_000, lagForMs: 60_000 },
    approvals: { readiness: 'auto', cutover: 'auto', complete: 'auto' },
    traffic: [],
    backup: { directory: 'backups', retentionDays: 30 },
    throttle: { copyKeysPerSecond: 0, verifyKeysPerSecond: 0 },
    ...change,
  };
}

function dataset(
  name: string,
  from: string,
  role: Plan['datasets'][number]['role'],
  joins: 'sync' | 'jday',
): Plan['datasets'][number] {
  return { name, from, patterns: [`${name}:*`], excludes: [], joins, role, transform: 'none' };
}
