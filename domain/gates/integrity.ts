import type { Side } from '../plan/plan.ts';
import type { VerifyStatus, WholePass } from './status.ts';
import { sum } from './sum.ts';

/**
 * This percentage of the keys that a whole pass found must be settled. When more keys are still in flight, the rest
 * proves little.
 */
export const LEAST_COMPARED_PERCENT = 90;

/** With fewer settled keys a person must judge: ten damaged keys of twelve are no reason to move the authority. */
export const LEAST_KEYS_TO_ACT = 100;

/**
 * Passes follow each other. An older pass was not followed by the next one, so the verifier is blocked or has begun
 * anew.
 */
const PASS_STALE_MS = 900_000;
/** Large data needs long passes, and a brake makes the next pass longer than the last one. */
const PASS_STALE_PASSES = 4;

/** The coverage of the results of all verifiers together. */
export type Compared = {
  /** `known`: keys that the last whole passes found. `settled`: those of them that are settled or in quarantine. */
  readonly known: number;
  readonly settled: number;
  /** `null` means that no key is known. */
  readonly percent: number | null;
  /** Time since the end of the oldest of those passes, ms. */
  readonly passAgeMs: number;
};

/**
 * Returns the coverage of the verifiers' results. `null` means that the results prove nothing, because one verifier has
 * not ended a whole pass, neither in this life nor in a remembered one. A verdict on almost no keys must not count as a
 * verdict.
 */
export function comparedBy(verifies: readonly VerifyStatus[]): Compared | null {
  const passes = verifies.flatMap(({ pass }) => (pass ? [pass] : []));
  if (passes.length < verifies.length || passes.length === 0) return null;
  const settled = sum(verifies.map((verify) => verify.settled + verify.quarantined));
  const known = settled + sum(verifies.map((verify) => verify.pending + verify.hot));
  return {
    known,
    settled,
    percent: known === 0 ? null : (settled * 100) / known,
    passAgeMs: Math.max(...passes.map(({ ageMs }) => ageMs)),
  };
}

/**
 * Returns the reason why the results of a verifier do not count, as words that follow its name; `null` when they count.
 *
 * @param joined the datasets that its sync replicates now: a pass without one of them is not whole
 */
export function whyNotYetJudged(
  { pass, equal, settled }: VerifyStatus,
  joined: readonly string[],
): string | null {
  if (!pass) return `has not ended a whole pass yet: ${equal} of ${settled} keys so far prove nothing`;
  const missed = joined.filter((name) => !pass.datasets.includes(name));
  if (missed.length > 0) return `has not ended a whole pass with ${missed.join(', ')} yet`;
  return isOld(pass) ? `ended its last whole pass ${Math.round(pass.ageMs / 60_000)} min ago` : null;
}

/** True when so many passes are missing since this one that its results no longer count. */
export function isOld({ ageMs, tookMs }: WholePass): boolean {
  return ageMs > Math.max(PASS_STALE_MS, PASS_STALE_PASSES * tookMs);
}

/**
 * Returns the percentage of settled keys that are equal; `null` when it is not known. While V2 serves, a value in
 * quarantine counts as damaged. Such a value has no form in V1, so V2's apps cannot have meant it, and V1 holds the
 * last good one. Before the flip quarantine has a gate of its own and harms no app.
 */
export function integrityOf(verifies: readonly VerifyStatus[], authority: Side): number | null {
  if (comparedBy(verifies) === null) return null;
  const damaged = authority === 'target' ? sum(verifies.map((verify) => verify.quarantined)) : 0;
  const counted = sum(verifies.map((verify) => verify.settled)) + damaged;
  return counted === 0 ? null : (sum(verifies.map((verify) => verify.equal)) * 100) / counted;
}

/**
 * True when the results are strong enough for the migration to go back by them alone: enough keys are settled, their
 * share of all keys is large enough, and every pass ran under the present authority. Values in quarantine are damage,
 * but they are not compared keys. So with too few compared keys they do not move the authority.
 */
export function mayAct(verifies: readonly VerifyStatus[], authority: Side): boolean {
  const compared = comparedBy(verifies);
  return (
    compared !== null &&
    (compared.percent ?? 0) >= LEAST_COMPARED_PERCENT &&
    sum(verifies.map((verify) => verify.settled)) >= LEAST_KEYS_TO_ACT &&
    verifies.every(({ pass }) => pass?.authority === authority)
  );
}
