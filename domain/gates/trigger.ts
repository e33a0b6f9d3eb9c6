import { freshSyncs, freshVerifies, isUnknown } from './fresh.ts';
import { type Plan, scaled, type Side } from '../plan/plan.ts';
import type { LinkStatus, Snapshot, VerifyStatus } from './status.ts';
import { sum } from './sum.ts';
import { integrityOf, mayAct } from './integrity.ts';
import { showDuration } from '../plan/duration.ts';

/**
 * One late change stays in the percentiles for their window of 6 s. Only lag that lasts longer than this counts as
 * sustained, however short a plan day is.
 */
const LAG_FLOOR_MS = 15_000;

/**
 * Harm that ends or is repaired within this time is no reason to move the authority. The time shrinks with the plan
 * day.
 */
const HARM_FOR_MS = 120_000;
/** A difference needs this time before it counts as a divergence. */
const HARM_FLOOR_MS = 3_000;
/**
 * Number of whole passes that must end while the harm lasts. The first one may have begun before the harm was seen; the
 * second one reads the keys again.
 */
const HARM_PASSES = 2;

/** Harm that every poll has seen since the first one that saw it. */
type Harm = {
  /** Time since the harm was first seen, ms. */
  readonly forMs: number;
  /** For each link, the number of whole passes when the harm was first seen. */
  readonly atPass: Readonly<Record<string, number>>;
};

/** Harm that was seen and does not justify the way back yet. Each poll passes it to the next one. */
export type TriggerMemory = {
  /** Time for which the lag has been above the trigger limit, ms; `null` when it is not above. */
  readonly lagForMs: number | null;
  /** Integrity is below the trigger limit; `null` when it is not. */
  readonly corrupt: Harm | null;
  /** More sessions are lost than the trigger allows; `null` when not. */
  readonly lost: Harm | null;
};

export const NO_MEMORY: TriggerMemory = { lagForMs: null, corrupt: null, lost: null };

/**
 * Updates the memory with one more snapshot. A missing signal clears it, and so does a signal that covers too few keys:
 * an unknown signal must never fire a trigger.
 *
 * @param sinceMs time since the snapshot before, ms
 */
export function remember(
  before: TriggerMemory,
  snapshot: Snapshot,
  plan: Plan,
  authority: Side,
  sinceMs: number,
): TriggerMemory {
  const syncs = freshSyncs(snapshot, plan);
  const slow = !isUnknown(syncs) && syncs.some((sync) => tooSlow(sync, plan));
  const verifies = freshVerifies(snapshot, plan);
  const known = isUnknown(verifies) || !mayAct(verifies, authority) ? [] : verifies;
  const percent = known.length === 0 ? null : integrityOf(known, authority);
  return {
    lagForMs: slow ? longer(before.lagForMs, sinceMs) : null,
    corrupt:
      percent !== null && percent < plan.triggers.integrityPercent
        ? lasting(before.corrupt, known, sinceMs)
        : null,
    lost: lostOf(known) > plan.triggers.sessionsLost ? lasting(before.lost, known, sinceMs) : null,
  };
}

/** Returns the time for which a condition that still holds has been seen, ms. */
export function longer(beforeMs: number | null, sinceMs: number): number {
  return beforeMs === null ? 0 : beforeMs + sinceMs;
}

/**
 * Extends harm that was seen before. When the passes of a verifier count anew, the verifier has lost its results and
 * confirms nothing, so the harm begins anew too.
 */
function lasting(before: Harm | null, verifies: readonly VerifyStatus[], sinceMs: number): Harm {
  const goesOn =
    before !== null && verifies.every(({ link, passes }) => passes >= (before.atPass[link] ?? Infinity));
  if (goesOn) return { ...before, forMs: before.forMs + sinceMs };
  return { forMs: 0, atPass: Object.fromEntries(verifies.map(({ link, passes }) => [link, passes])) };
}

/**
 * Returns the reason why the migration goes back by itself now, or `null`. The migration aborts before the flip and
 * rolls back after it. After the flip lag alone is never a reason, because the way back would be as late as the lag.
 */
export function triggeredBy(
  suspicion: TriggerMemory,
  snapshot: Snapshot,
  plan: Plan,
  authority: Side,
): string | null {
  const verifies = freshVerifies(snapshot, plan);
  if (!isUnknown(verifies)) {
    const confirmed = (harm: Harm | null) => isConfirmed(harm, verifies, plan);
    if (confirmed(suspicion.corrupt)) return corrupted(verifies, plan, authority);
    if (confirmed(suspicion.lost))
      return `${lostOf(verifies)} sessions are lost, above the limit of ${plan.triggers.sessionsLost}, confirmed by ${HARM_PASSES} whole passes`;
  }
  return authority === 'source' ? lagged(suspicion, snapshot, plan) : null;
}

/**
 * True when every poll has seen the harm for long enough, and enough whole passes of each verifier have ended since the
 * first one. So the first poll after a start of the verifier never confirms harm.
 */
function isConfirmed(harm: Harm | null, verifies: readonly VerifyStatus[], plan: Plan): boolean {
  if (harm === null || harm.forMs < scaled(plan, HARM_FOR_MS, HARM_FLOOR_MS)) return false;
  return verifies.every(({ link, passes }) => passes >= (harm.atPass[link] ?? Infinity) + HARM_PASSES);
}

function corrupted(verifies: readonly VerifyStatus[], plan: Plan, authority: Side): string {
  const percent = integrityOf(verifies, authority) ?? 0;
  const { equal, settled } = {
    equal: sum(verifies.map((one) => one.equal)),
    settled: sum(verifies.map((one) => one.settled)),
  };
  return `integrity is ${percent.toFixed(2)} %, below ${plan.triggers.integrityPercent} %: ${equal} of ${settled} settled keys are equal, confirmed by ${HARM_PASSES} whole passes`;
}

function lostOf(verifies: readonly VerifyStatus[]): number {
  return sum(verifies.map((verify) => verify.sessions.lost));
}

function lagged({ lagForMs: forMs }: TriggerMemory, { links }: Snapshot, plan: Plan): string | null {
  if (forMs === null) return null;
  if (forMs < scaled(plan, plan.triggers.lagForMs, LAG_FLOOR_MS)) return null;
  const worst = Math.max(...links.map(({ sync }) => sync?.lagMs.toTarget.p99 ?? 0));
  return `lag p99 is ${Math.round(worst)} ms, above ${plan.triggers.lagP99Ms} ms for ${showDuration(forMs)}`;
}

/**
 * True when the lag is above the trigger limit. A scan causes late changes itself, and they end with it. So during a
 * scan the gate holds the migration, but no trigger fires.
 */
function tooSlow(sync: LinkStatus, plan: Plan): boolean {
  return sync.state === 'live' && (sync.lagMs.toTarget.p99 ?? 0) > plan.triggers.lagP99Ms;
}
