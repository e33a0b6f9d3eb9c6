import { linksOf, type Plan } from '../plan/plan.ts';
import type { ImpactStatus, LinkStatus, Snapshot, Dated, VerifyStatus } from './status.ts';
import { whyNotYetJudged } from './integrity.ts';

/**
 * A sync writes its status about once a second. When five of them are missing, the sync hangs or is gone, and the
 * signal is unknown.
 */
export const SYNC_STALE_MS = 5_000;

/**
 * The verifier also writes its status each second, whatever it waits for. It writes none while a store does not answer.
 * A store may be slow for some seconds; then its keys are not unknown yet.
 */
export const VERIFY_STALE_MS = 15_000;

/**
 * The probe pauses for five minutes at most between two measurements. When two measurements are missing and one is in
 * progress, the probe hangs.
 */
export const IMPACT_STALE_MS = 900_000;

/** The reason why a signal is not known: it is missing, too old or cannot be dated. */
export type Unknown = { readonly unknown: string };

export function isUnknown(answer: object): answer is Unknown {
  return 'unknown' in answer;
}

/** True when the sync wrote this status recently. A status that cannot be dated is not trusted. */
export function speaks(status: Dated<LinkStatus>): boolean {
  return staleness(status, SYNC_STALE_MS) === null;
}

/**
 * Returns the status of every sync of the plan, or the reason why they are not known. One silent link makes the whole
 * unknown, because unknown must never count as green.
 */
export function freshSyncs(snapshot: Snapshot, plan: Plan): readonly LinkStatus[] | Unknown {
  if (snapshot.unseen !== undefined) return { unknown: snapshot.unseen };
  const found: LinkStatus[] = [];
  for (const { name } of linksOf(plan)) {
    const sync = snapshot.links.find((link) => link.name === name)?.sync;
    if (!sync) return { unknown: `the sync of ${name} says nothing` };
    const stale = staleness(sync, SYNC_STALE_MS);
    if (stale !== null) return { unknown: `the sync of ${name} ${stale}` };
    found.push(sync);
  }
  return found.length > 0 ? found : { unknown: 'the plan has no link' };
}

/**
 * Returns the status of every verifier in the same way. A verifier counts as unknown when it has not compared every
 * dataset that its sync replicates, or not recently.
 */
export function freshVerifies(snapshot: Snapshot, plan: Plan): readonly VerifyStatus[] | Unknown {
  if (snapshot.unseen !== undefined) return { unknown: snapshot.unseen };
  const found: VerifyStatus[] = [];
  for (const { name } of linksOf(plan)) {
    const verify = freshVerify(snapshot, name);
    if (isUnknown(verify)) return verify;
    const sync = snapshot.links.find((link) => link.name === name)?.sync;
    const doubt = whyNotYetJudged(verify, sync?.joined ?? []);
    if (doubt) return { unknown: `the verifier of ${name} ${doubt}` };
    found.push(verify);
  }
  return found.length > 0 ? found : { unknown: 'the plan has no link' };
}

/** Returns the status of the verifier of one link, or the reason why it is not known. */
export function freshVerify(snapshot: Snapshot, link: string): VerifyStatus | Unknown {
  const verify = snapshot.links.find(({ name }) => name === link)?.verify;
  if (!verify) return { unknown: `the verifier of ${link} says nothing` };
  const stale = staleness(verify, VERIFY_STALE_MS);
  return stale === null ? verify : { unknown: `the verifier of ${link} ${stale}` };
}

/**
 * True when an impact measurement is recent enough to count.
 *
 * @param ageMs below 0 when the clock that dates the measurement was set back meanwhile
 */
export function isFreshImpact(ageMs: number): boolean {
  return ageMs >= 0 && ageMs <= IMPACT_STALE_MS;
}

export function freshImpact({ impact, unseen }: Snapshot): ImpactStatus | Unknown {
  if (unseen !== undefined) return { unknown: unseen };
  if (!impact) return { unknown: 'the impact has not been measured yet' };
  if (!isDated(impact)) return { unknown: `the last impact measurement ${UNDATED}` };
  return isFreshImpact(impact.ageMs)
    ? impact
    : { unknown: `the last impact measurement is ${seconds(impact.ageMs)} old` };
}

const UNDATED = 'cannot be dated: the clock of the target was set back';

/**
 * Returns the reason why a status is not trusted, as words that follow the name of its author; `null` when it is
 * trusted.
 */
function staleness(told: Dated<object>, staleMs: number): string | null {
  if (!isDated(told)) return UNDATED;
  return told.ageMs > staleMs ? `has been silent for ${seconds(told.ageMs)}` : null;
}

/** A status of an older release has no age. */
function isDated<T extends { readonly ageMs?: number | null }>(
  told: T,
): told is T & { readonly ageMs: number } {
  return typeof told.ageMs === 'number';
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
