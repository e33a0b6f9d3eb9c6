import type { Dataset } from '../../domain/plan.ts';

/** A dataset of V1 in which only what the test is about needs to be said. */
export function dataset(given: Partial<Dataset> & Pick<Dataset, 'name' | 'patterns'>): Dataset {
  return { from: 'v1', excludes: [], joins: 'sync', role: 'cache', transform: 'none', ...given };
}
