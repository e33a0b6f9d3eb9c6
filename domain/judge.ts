import { freshImpact, freshSyncs, freshVerifies, integrityOf, isUnknown, sum } from './fresh.ts';
import type { Gate, Verdict } from './gate.ts';
import type { Plan } from './plan.ts';
import { otherSide, type Side } from './side.ts';
import type { LinkStatus, Snapshot, VerifyStatus } from './status.ts';
import { IMPACT_ALERT_SHARE } from './brake.ts';

/** What still waits when writes are fenced is drained at ≥ 20 000 keys/s: 1 000 keys are 50 ms of the budget. */
export const PENDING_LIMIT = 1_000;

type Judged = Omit<Gate, 'name' | 'limit'>;

/**
 * The ladder of design §8: every gate, from one snapshot. A signal that is absent, stale or counted nothing is
 * `unknown` or `red`, never green (L7).
 *
 * @param authority the side that serves; lag and pending count in the direction away from it
 */
export function judge(snapshot: Snapshot, plan: Plan, authority: Side, nowMs: number): readonly Gate[] {
  const syncs = freshSyncs(snapshot, plan, nowMs);
  const verifies = freshVerifies(snapshot, plan, nowMs);
  const bySync = (of: (known: readonly LinkStatus[]) => Judged) =>
    isUnknown(syncs) ? unknown(syncs.unknown) : of(syncs);
  const byVerify = (of: (known: readonly VerifyStatus[]) => Judged) =>
    isUnknown(verifies) ? unknown(verifies.unknown) : of(verifies);
  const { gates } = plan;
  const to = otherSide(authority) === 'target' ? 'toTarget' : 'toSource';
  return [
    { name: 'lag', limit: gates.lagP99Ms, ...bySync((known) => lag(known, to, gates.lagP99Ms)) },
    {
      name: 'integrity',
      limit: gates.integrityPercent,
      ...byVerify((known) => integrity(known, syncs, authority, gates.integrityPercent)),
    },
    {
      name: 'sessions',
      limit: gates.sessionsLost,
      ...byVerify((known) => sessions(known, gates.sessionsLost)),
    },
    { name: 'cacheHits', limit: gates.cacheHitsKeptPercent, ...byVerify((known) => cacheHits(known, plan)) },
    { name: 'impact', limit: gates.impactPercent, ...impact(snapshot, gates.impactPercent, nowMs) },
    { name: 'pending', limit: PENDING_LIMIT, ...bySync((known) => pending(known, to)) },
    { name: 'quarantine', limit: 0, ...bySync(quarantine) },
    { name: 'breaker', limit: 0, ...bySync(breaker) },
  ];
}

/** Whether a gate holds the migration back. */
export function blocks(gate: Gate): boolean {
  return gate.verdict === 'red' || gate.verdict === 'unknown';
}

function lag(syncs: readonly LinkStatus[], to: 'toTarget' | 'toSource', limit: number): Judged {
  const silent = syncs.find((sync) => sync.lagMs[to].p99 === null);
  if (silent) return unknown(`the lag of ${silent.link} is not measured`);
  const worst = Math.max(...syncs.map((sync) => sync.lagMs[to].p99 ?? Infinity));
  return judged(
    worst,
    worst < limit ? 'green' : 'red',
    `changes arrive within ${Math.round(worst)} ms (p99)`,
  );
}

function integrity(
  verifies: readonly VerifyStatus[],
  syncs: readonly LinkStatus[] | object,
  authority: Side,
  limit: number,
): Judged {
  const percent = integrityOf(verifies, authority);
  if (percent === null) return judged(null, 'red', 'no key has been compared: 0 of 0 proves nothing');
  // A link that is empty for its sync too has nothing to compare; one whose sync counted keys has an idle verifier.
  const idle = verifies.find((verify) => verify.settled === 0 && countedBy(syncs, verify.link) !== 0);
  if (idle) return judged(percent, 'red', `no key of ${idle.link} has been compared: 0 of 0 proves nothing`);
  const diverged = sum(verifies.map((verify) => verify.diverged));
  if (diverged > 0) return judged(percent, 'red', `${diverged} settled keys differ`);
  const verdict = percent >= limit ? 'green' : 'red';
  return judged(
    percent,
    verdict,
    `${sum(verifies.map((verify) => verify.equal))} of ${sum(verifies.map((verify) => verify.settled))} settled keys are equal`,
  );
}

/** `null`: the sync has not told. */
function countedBy(syncs: readonly LinkStatus[] | object, link: string): number | null {
  return Array.isArray(syncs)
    ? ((syncs as readonly LinkStatus[]).find((sync) => sync.link === link)?.total ?? null)
    : null;
}

function sessions(verifies: readonly VerifyStatus[], limit: number): Judged {
  const lost = sum(verifies.map((verify) => verify.sessions.lost));
  const live = sum(verifies.map((verify) => verify.sessions.live));
  const migrated = sum(verifies.map((verify) => verify.sessions.migrated));
  return judged(
    lost,
    lost > limit ? 'red' : 'green',
    `${live} live sessions, ${migrated} on both sides, ${lost} lost`,
  );
}

function cacheHits(verifies: readonly VerifyStatus[], plan: Plan): Judged {
  if (!plan.datasets.some((dataset) => dataset.role === 'cache'))
    return judged(null, 'green', 'the plan names no cache');
  const source = sum(verifies.map((verify) => verify.cache.source));
  if (source === 0) return unknown('no cache key has been seen: 0 of 0 proves nothing');
  const percent = (sum(verifies.map((verify) => verify.cache.target)) * 100) / source;
  const verdict = percent >= plan.gates.cacheHitsKeptPercent ? 'green' : 'red';
  return judged(
    percent,
    verdict,
    `${percent.toFixed(1)} % of the cached keys would hit on the other side too`,
  );
}

/** Red only when the whole interval lies above the limit: noise must not stop a migration, proof must (L14). */
function impact(snapshot: Snapshot, limit: number, nowMs: number): Judged {
  const measured = freshImpact(snapshot, nowMs);
  if (isUnknown(measured)) return unknown(measured.unknown);
  const { percent, low, high } = measured;
  const reason = `the apps answer ${percent.toFixed(1)} % slower with our work on (${low.toFixed(1)} to ${high.toFixed(1)} %)`;
  if (low > limit) return judged(percent, 'red', reason);
  return judged(percent, percent > limit * IMPACT_ALERT_SHARE ? 'alert' : 'green', reason);
}

function pending(syncs: readonly LinkStatus[], to: 'toTarget' | 'toSource'): Judged {
  const scanning = syncs.find((sync) => sync.state === 'scanning');
  if (scanning) return unknown(`${scanning.link} is scanning: what has changed is not known before its end`);
  const waiting = sum(syncs.map((sync) => sync.pending[to]));
  return judged(
    waiting,
    waiting <= PENDING_LIMIT ? 'green' : 'red',
    `${waiting} changed keys wait to be carried`,
  );
}

function quarantine(syncs: readonly LinkStatus[]): Judged {
  const held = sum(syncs.map((sync) => sync.quarantined));
  return judged(
    held,
    held === 0 ? 'green' : 'red',
    held === 0 ? 'nothing is in quarantine' : `${held} values are in quarantine: repair them`,
  );
}

function breaker(syncs: readonly LinkStatus[]): Judged {
  const open = syncs.filter((sync) => sync.breaker !== null);
  if (open.length === 0) return judged(0, 'green', 'no direction is stopped');
  const reasons = open.map((sync) => `${sync.link}: ${sync.breaker?.reason}`);
  return judged(open.length, 'red', reasons.join('; '));
}

function judged(value: number | null, verdict: Verdict, reason: string): Judged {
  return { value, verdict, reason };
}

function unknown(reason: string): Judged {
  return { value: null, verdict: 'unknown', reason };
}
