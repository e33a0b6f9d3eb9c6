import type { Dataset } from '../../../domain/plan/plan.ts';

/** A dataset of V1 with defaults for all that a test does not give. */
export function dataset(given: Partial<Dataset> & Pick<Dataset, 'name' | 'patterns'>): Dataset {
  return { from: 'v1', excludes: [], joins: 'sync', role: 'cache', transform: 'none', ...given };
}
