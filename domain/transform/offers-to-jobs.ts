import { renameHash } from './hash-names.ts';
import { renameJson, type Rule } from './json-names.ts';
import { canonicalOf, filledSpelling, formsFor } from './spelling.ts';
import type { Lens, Lensed, Value } from './value.ts';

/**
 * Rename-only: `offers|offres|job_data` → `jobs`, `offer_id(s)` → `job_id(s)`, `total_offers|total_offres` →
 * `total_jobs`, as hash fields and as JSON members outside the job list; everything else stays to the byte.
 */
export const offersToJobs: Lens = {
  up: (value) => rename(value, (found) => [canonicalOf(found)]),
  down(value, spelling) {
    const lensed = rename(value, (found) => formsFor(found, spelling));
    return lensed.ok ? { ...lensed, spelling: filledSpelling(spelling, lensed.spelling) } : lensed;
  },
};

function rename(value: Value, rule: Rule): Lensed {
  if (value.kind === 'hash') {
    const renamed = renameHash(value.fields, rule);
    if (!renamed.ok) return renamed;
    const { fields, spelling } = renamed;
    return { ok: true, value: fields === value.fields ? value : { kind: 'hash', fields }, spelling };
  }
  const renamed = renameJson(value.bytes, rule);
  if (!renamed.ok) return renamed;
  const { bytes, spelling } = renamed;
  return { ok: true, value: bytes === value.bytes ? value : { kind: 'string', bytes }, spelling };
}
