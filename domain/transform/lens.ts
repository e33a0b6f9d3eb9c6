import type { Dataset } from '../plan/plan.ts';
import { offersToJobs } from './offers-to-jobs.ts';
import type { Lens } from './value.ts';

export type { Lens, Lensed, Spelling, TransformableValue as Value } from './value.ts';

/** Returns the lens of a dataset's transform. `null` means opaque: every value travels byte for byte. */
export function lensOf(transform: Dataset['transform']): Lens | null {
  return transform === 'offers_to_jobs' ? offersToJobs : null;
}
