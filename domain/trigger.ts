import { freshSyncs, freshVerifies, integrityOf, isUnknown, sum } from './fresh.ts';
import type { Plan } from './plan.ts';
import type { Side } from './side.ts';
import type { LinkStatus, Snapshot, VerifyStatus } from './status.ts';
import { scaled } from './timeline.ts';

/** One late change stays in the percentiles for their window of 6 s: only what lasts longer is sustained, however short a day is. */
const LAG_FLOOR_MS = 15_000;

/** What has been seen once and does not yet justify the way back. Kept from one look to the next. */
export type Suspicion = {
  /** Lag above the trigger since, ms; `null` = it is not. */
  readonly lagSinceMs: number | null;
  /** Per link: the verifier's pass that first reported lost sessions. */
  readonly lostAtPass: Readonly<Record<string, number>>;
};

export const NO_SUSPICION: Suspicion = { lagSinceMs: null, lostAtPass: {} };

/** What there is to suspect after one more snapshot. An absent signal clears: it never leads to a trigger (L7). */
export function suspect(before: Suspicion, snapshot: Snapshot, plan: Plan, nowMs: number): Suspicion {
  const syncs = freshSyncs(snapshot, plan, nowMs);
  const verifies = freshVerifies(snapshot, plan, nowMs);
  const slow = !isUnknown(syncs) && syncs.some((sync) => tooSlow(sync, plan));
  return {
    lagSinceMs: slow ? (before.lagSinceMs ?? nowMs) : null,
    lostAtPass: isUnknown(verifies) ? before.lostAtPass : lostAtPass(before, verifies),
  };
}

/**
 * The reason why the migration goes back by itself now, or `null`. Before the flip it aborts, after it it rolls
 * back; after the flip never on lag alone, because the way back would be as late as the lag (design §8).
 */
export function triggeredBy(
  suspicion: Suspicion,
  snapshot: Snapshot,
  plan: Plan,
  authority: Side,
  nowMs: number,
): string | null {
  const verifies = freshVerifies(snapshot, plan, nowMs);
  if (!isUnknown(verifies)) {
    const harm = corrupted(verifies, plan, authority) ?? sessionsLost(suspicion, verifies, plan);
    if (harm) return harm;
  }
  return authority === 'source' ? lagged(suspicion, plan, nowMs) : null;
}

function corrupted(verifies: readonly VerifyStatus[], plan: Plan, authority: Side): string | null {
  const percent = integrityOf(verifies, authority);
  if (percent === null || percent >= plan.triggers.integrityPercent) return null;
  return `integrity of settled keys is ${percent.toFixed(2)} %, below ${plan.triggers.integrityPercent} %`;
}

/** Confirmed = still lost in a later pass of the same verifier; a pass that began anew counts as a later one. */
function sessionsLost(suspicion: Suspicion, verifies: readonly VerifyStatus[], plan: Plan): string | null {
  const lost = sum(verifies.map((verify) => verify.sessions.lost));
  if (lost <= plan.triggers.sessionsLost) return null;
  const confirmed = verifies.some(
    (verify) =>
      verify.sessions.lost > 0 && (suspicion.lostAtPass[verify.link] ?? verify.passes) !== verify.passes,
  );
  return confirmed ? `${lost} sessions are lost, confirmed by a second pass` : null;
}

function lagged(suspicion: Suspicion, plan: Plan, nowMs: number): string | null {
  if (suspicion.lagSinceMs === null) return null;
  const forMs = nowMs - suspicion.lagSinceMs;
  if (forMs < scaled(plan, plan.triggers.lagForMs, LAG_FLOOR_MS)) return null;
  return `lag p99 has been above ${plan.triggers.lagP99Ms} ms for ${Math.round(forMs / 1000)} s`;
}

/** While a scan runs, late changes are its own work and end with it: the gate holds, nothing aborts. */
function tooSlow(sync: LinkStatus, plan: Plan): boolean {
  return sync.state === 'live' && (sync.lagMs.toTarget.p99 ?? 0) > plan.triggers.lagP99Ms;
}

function lostAtPass(before: Suspicion, verifies: readonly VerifyStatus[]): Readonly<Record<string, number>> {
  const losing = verifies.filter((verify) => verify.sessions.lost > 0);
  return Object.fromEntries(losing.map(({ link, passes }) => [link, before.lostAtPass[link] ?? passes]));
}
