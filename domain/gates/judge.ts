import { freshImpact, freshSyncs, freshVerifies, isUnknown } from './fresh.ts';
import type { Gate, Verdict } from './gate.ts';
import { otherSide, type Plan, type Side, type Waiver } from '../plan/plan.ts';
import type { LinkStatus, Snapshot, VerifyStatus } from './status.ts';
import { impactWords, intervalWords, pointOf, PROVING_WINDOWS, standingOf } from './impact.ts';
import { sum } from './sum.ts';
import { comparedBy, integrityOf, LEAST_COMPARED_PERCENT } from './integrity.ts';
import { countedSessions } from './sessions.ts';
import { strangersSentence } from '../keys/writers.ts';

/**
 * The drain replicates at least 20 000 keys per second. So 1 000 keys that are still pending when the fence rises take
 * 50 ms of the fence budget.
 */
export const PENDING_LIMIT = 1_000;

/** An impact above this share of its limit is worth an alert (3 of 5 % in the original plan). */
const IMPACT_ALERT_SHARE = 0.6;

type Judged = Omit<Gate, 'name' | 'limit'>;

/**
 * Judges every gate from one snapshot. A signal that is absent, is stale or has counted nothing is `unknown` or `red`,
 * never green.
 *
 * @param authority the side that serves; lag and pending count in the direction away from it
 */
export function judge(snapshot: Snapshot, plan: Plan, authority: Side): readonly Gate[] {
  const syncs = freshSyncs(snapshot, plan);
  const verifies = freshVerifies(snapshot, plan);
  const bySync = (of: (known: readonly LinkStatus[]) => Judged) =>
    isUnknown(syncs) ? unknown(syncs.unknown) : of(syncs);
  const byVerify = (of: (known: readonly VerifyStatus[]) => Judged) =>
    isUnknown(verifies) ? unknown(verifies.unknown) : of(verifies);
  const { gates } = plan;
  const to = otherSide(authority) === 'target' ? 'toTarget' : 'toSource';
  const all: readonly Gate[] = [
    { name: 'lag', limit: gates.lagP99Ms, ...bySync((known) => lag(known, to, gates.lagP99Ms)) },
    {
      name: 'integrity',
      limit: gates.integrityPercent,
      ...byVerify((known) => integrity(known, syncs, authority, gates.integrityPercent)),
    },
    { name: 'compared', limit: LEAST_COMPARED_PERCENT, ...byVerify(compared) },
    { name: 'sessions', limit: gates.sessionsLost, ...sessions(snapshot, plan) },
    { name: 'cacheHits', limit: gates.cacheHitsKeptPercent, ...byVerify((known) => cacheHits(known, plan)) },
    { name: 'impact', limit: gates.impactPercent, ...impact(snapshot, gates.impactPercent) },
    { name: 'pending', limit: PENDING_LIMIT, ...bySync((known) => pending(known, to)) },
    { name: 'quarantine', limit: 0, ...bySync(quarantine) },
    { name: 'breaker', limit: 0, ...bySync(breaker) },
    { name: 'writers', limit: 0, ...writers(snapshot) },
    { name: 'masters', limit: 0, ...masters(snapshot) },
  ];
  return all.map((gate) => waived(gate, gates.waive));
}

/** Lets a gate pass that cannot be known here, if a person has accepted that by name. The reason says who and why. */
function waived(gate: Gate, waivers: readonly Waiver[] = []): Gate {
  const waiver = gate.waivable && waivers.find(({ gate: name }) => name === gate.name);
  if (!waiver) return gate;
  const { waivable: _waivable, ...open } = gate;
  const word = `waived by ${waiver.by ?? 'the plan'}: ${waiver.reason}`;
  return { ...open, verdict: 'waived', reason: `${gate.reason}; ${word}` };
}

/** True when the gate holds the migration back. */
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
  // When the sync has counted no key of the link either, there is nothing to compare. When the sync has counted keys,
  // the verifier is idle.
  const idle = verifies.find((verify) => verify.settled === 0 && countedBy(syncs, verify.link) !== 0);
  if (idle) return judged(percent, 'red', `no key of ${idle.link} has been compared: 0 of 0 proves nothing`);
  const diverged = sum(verifies.map((verify) => verify.diverged));
  if (diverged > 0)
    return judged(percent, 'red', `${diverged} settled keys differ; ${comparedWords(verifies)}`);
  const verdict = percent >= limit ? 'green' : 'red';
  return judged(
    percent,
    verdict,
    `${sum(verifies.map((verify) => verify.equal))} of ${sum(verifies.map((verify) => verify.settled))} settled keys are equal; ${comparedWords(verifies)}`,
  );
}

/**
 * Judges if the integrity score covers nearly all keys. The other keys are in flight, or they change too fast to
 * compare.
 */
function compared(verifies: readonly VerifyStatus[]): Judged {
  const percent = comparedBy(verifies)?.percent ?? null;
  if (percent === null) return unknown('no key has been compared: 0 of 0 proves nothing');
  return judged(percent, percent >= LEAST_COMPARED_PERCENT ? 'green' : 'red', comparedWords(verifies));
}

function comparedWords(verifies: readonly VerifyStatus[]): string {
  const all = comparedBy(verifies);
  if (all === null) return 'no whole pass has ended';
  return `compared ${all.settled} of ${all.known} keys, the last whole pass ended ${Math.round(all.passAgeMs / 1_000)} s ago`;
}

/** Returns `null` when the sync has not reported a count. */
function countedBy(syncs: readonly LinkStatus[] | object, link: string): number | null {
  return Array.isArray(syncs)
    ? ((syncs as readonly LinkStatus[]).find((sync) => sync.link === link)?.total ?? null)
    : null;
}

function sessions(snapshot: Snapshot, plan: Plan): Judged {
  const counted = countedSessions(snapshot, plan);
  if (isUnknown(counted)) return unknown(counted.unknown);
  const { live, migrated, lost } = counted;
  const limit = plan.gates.sessionsLost;
  if (counted.joined === 'nothing') return judged(0, 'green', counted.why);
  if (live === 0) return unmeasurable('no live session has been seen: 0 of 0 proves nothing');
  const words = `${live} live sessions, ${migrated} on both sides, ${lost} lost`;
  if (lost > limit) return judged(lost, 'red', words);
  const accounted = (100 * (migrated + lost)) / live;
  return judged(lost, accounted < LEAST_COMPARED_PERCENT ? 'red' : 'green', words);
}

function cacheHits(verifies: readonly VerifyStatus[], plan: Plan): Judged {
  if (!plan.datasets.some((dataset) => dataset.role === 'cache'))
    return judged(null, 'green', 'the plan names no cache');
  const source = sum(verifies.map((verify) => verify.cache.source));
  if (source === 0) return unmeasurable('no cache key has been seen: 0 of 0 proves nothing');
  const percent = (sum(verifies.map((verify) => verify.cache.target)) * 100) / source;
  const verdict = percent >= plan.gates.cacheHitsKeptPercent ? 'green' : 'red';
  return judged(
    percent,
    verdict,
    `${percent.toFixed(1)} % of the cached keys would hit on the other side too`,
  );
}

/**
 * Green and red need proof: the whole interval on one side of the limit. An interval that holds the limit proves
 * nothing, so noise neither passes this gate nor makes it red.
 */
function impact(snapshot: Snapshot, limit: number): Judged {
  const measured = freshImpact(snapshot);
  if (isUnknown(measured)) return unknown(measured.unknown);
  const { percent, windows } = measured;
  if (windows < PROVING_WINDOWS)
    return unknown(
      `the impact was measured in ${windows} of ${PROVING_WINDOWS} pairs of windows: too few to tell`,
    );
  const standing = standingOf(measured, limit);
  if (standing === 'unknown')
    return unmeasurable(`${impactWords(measured, limit)}: the interval holds the limit of ${limit} %`);
  const words = `the apps answer ${intervalWords(measured)} slower with our work on`;
  const point = pointOf(measured, limit);
  if (standing === 'above') return judged(point, 'red', words);
  return judged(point, percent > limit * IMPACT_ALERT_SHARE ? 'alert' : 'green', words);
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

/**
 * No fence reaches a writer whom the plan does not name, so this writer could go on writing on the side that has handed
 * over.
 */
function writers({ servers }: Snapshot): Judged {
  if (!servers) return unknown('nobody has looked who writes');
  const { strangers } = servers;
  if (strangers.length === 0) return judged(0, 'green', 'nobody writes whom the plan does not name');
  return judged(strangers.length, 'red', strangersSentence(strangers));
}

/** A demoted server refuses our writes. Another server takes the writes of the apps, and perhaps it has no fence. */
function masters({ servers }: Snapshot): Judged {
  if (!servers) return unknown('nobody has looked whether the servers are masters');
  const { demoted } = servers;
  if (demoted.length === 0) return judged(0, 'green', 'every server is a master');
  const reason = `a server of ${demoted.join(', ')} is a replica now: after a failover the URL must lead to the new master, as one of Sentinel does`;
  return judged(demoted.length, 'red', reason);
}

function judged(value: number | null, verdict: Verdict, reason: string): Judged {
  return { value, verdict, reason };
}

function unknown(reason: string): Judged {
  return { value: null, verdict: 'unknown', reason };
}

/** There is nothing to measure by. Only a person can say that this is all right here. */
function unmeasurable(reason: string): Judged {
  return { ...unknown(reason), waivable: true };
}
