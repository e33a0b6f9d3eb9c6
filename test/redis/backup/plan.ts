import type { Dataset, Plan, Store } from '../../../domain/plan/plan.ts';
import { examplePlan } from '../../support/plans/example-plan.ts';

/** A plan for tests of backup and preflight, with defaults for all that a test does not give. */
export function planOf(
  given: Pick<Plan, 'stores' | 'datasets'> & Partial<Plan> & { readonly backupDirectory?: string },
): Plan {
  const { backupDirectory, ...rest } = given;
  return examplePlan({
    migration: 'test',
    gates: { ...examplePlan().gates, fenceBudgetMs: 2_000 },
    backup: { directory: backupDirectory ?? '/nonexistent', retentionDays: 14 },
    ...rest,
  });
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
