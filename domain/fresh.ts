import { linksOf } from './link.ts';
import type { Plan } from './plan.ts';
import type { Side } from './side.ts';
import type { ImpactStatus, LinkStatus, Snapshot, VerifyStatus } from './status.ts';

/** A sync writes its status about once a second; five missed ones are a sync that hangs or is gone (L7). */
export const SYNC_STALE_MS = 5_000;

/** The verifier tells each second too, but stands still for two windows while the impact is measured (L14). */
export const VERIFY_STALE_MS = 15_000;

/** Measured every five minutes at most; two missed measurements and one under way are a probe that hangs. */
export const IMPACT_STALE_MS = 900_000;

/** Some link of the plan has said nothing, or nothing lately. */
export type Unknown = { readonly unknown: string };

export function isUnknown(answer: object): answer is Unknown {
  return 'unknown' in answer;
}

/** What every sync of the plan says, or why that is not known: one silent link makes the whole unknown (L7). */
export function freshSyncs(snapshot: Snapshot, plan: Plan, nowMs: number): readonly LinkStatus[] | Unknown {
  const found: LinkStatus[] = [];
  for (const { name } of linksOf(plan)) {
    const sync = snapshot.links.find((link) => link.name === name)?.sync;
    if (!sync) return { unknown: `the sync of ${name} says nothing` };
    if (nowMs - sync.at > SYNC_STALE_MS)
      return { unknown: `the sync of ${name} has been silent for ${seconds(nowMs - sync.at)}` };
    found.push(sync);
  }
  return found.length > 0 ? found : { unknown: 'the plan has no link' };
}

/** The same of the verifiers; one without a complete pass has counted only a part, hence knows nothing yet. */
export function freshVerifies(
  snapshot: Snapshot,
  plan: Plan,
  nowMs: number,
): readonly VerifyStatus[] | Unknown {
  const found: VerifyStatus[] = [];
  for (const { name } of linksOf(plan)) {
    const verify = snapshot.links.find((link) => link.name === name)?.verify;
    if (!verify) return { unknown: `the verifier of ${name} says nothing` };
    if (nowMs - verify.at > VERIFY_STALE_MS)
      return { unknown: `the verifier of ${name} has been silent for ${seconds(nowMs - verify.at)}` };
    if (verify.passes === 0) return { unknown: `the verifier of ${name} has no complete pass yet` };
    found.push(verify);
  }
  return found.length > 0 ? found : { unknown: 'the plan has no link' };
}

export function freshImpact(snapshot: Snapshot, nowMs: number): ImpactStatus | Unknown {
  if (!snapshot.impact) return { unknown: 'the impact has not been measured yet' };
  const age = nowMs - snapshot.impact.at;
  return age > IMPACT_STALE_MS
    ? { unknown: `the last impact measurement is ${seconds(age)} old` }
    : snapshot.impact;
}

/**
 * Percent of settled keys that are equal; `null` when none is settled. While V2 serves, a value in quarantine counts
 * as damaged: no form of V1 says it, so it is what V2's apps cannot have meant, and V1 holds the last good one.
 * Before the flip quarantine has a gate of its own and harms nobody.
 */
export function integrityOf(verifies: readonly VerifyStatus[], authority: Side): number | null {
  const damaged = authority === 'target' ? sum(verifies.map((verify) => verify.quarantined)) : 0;
  const counted = sum(verifies.map((verify) => verify.settled)) + damaged;
  return counted === 0 ? null : (sum(verifies.map((verify) => verify.equal)) * 100) / counted;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
