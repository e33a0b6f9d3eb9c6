import { worstLag } from '../gates/link-status.ts';
import { type OpenSuspect, openSuspects, suspectWords } from '../gates/concerns.ts';
import { dayName, jDayMs, type Phase } from '../plan/plan.ts';
import type { Progress, SessionCounts } from './progress.ts';
import { hasFlipped, type RunState } from './run-state.ts';
import type { LinkStatus, Snapshot, VerifyStatus } from '../gates/status.ts';
import { sum } from '../gates/sum.ts';
import { comparedBy, integrityOf } from '../gates/integrity.ts';
import { braked, RELEASED } from '../gates/brake.ts';
import { throttleOf } from '../plan/throttle.ts';
import { impactWords, pointOf, PROVING_WINDOWS } from '../gates/impact.ts';
import { blocks } from '../gates/judge.ts';
import { authorityRead, type Seen, seenBy, servingSide } from './seen.ts';

/** The start of each phase, in percent of the whole run. The copy and the waits between have the larger shares. */
const BEGINS_AT: Readonly<Record<Phase, number>> = {
  preflight: 0,
  backup: 2,
  copy: 5,
  sync: 30,
  readiness: 45,
  sessions: 50,
  validation: 60,
  approval: 65,
  cutover: 70,
  watch: 75,
  complete: 98,
};

const ENDS_AT: Readonly<Record<Phase, number>> = {
  preflight: 2,
  backup: 5,
  copy: 30,
  sync: 45,
  readiness: 50,
  sessions: 60,
  validation: 65,
  approval: 70,
  cutover: 75,
  watch: 98,
  complete: 100,
};

/**
 * Returns the answer of the query `progress`: the position of the run by its last look at the stores. A value that rests
 * on an old look is unknown.
 */
export function progressOf(state: RunState, nowMs: number): Progress {
  const { plan } = state;
  const seen = seenBy(state, nowMs);
  const suspects = openSuspects(state.observation?.snapshot.links);
  return {
    migration: plan.migration,
    phase: state.phase,
    day: dayName(plan, state.startedAtMs, nowMs),
    authority: servingSide(state, nowMs),
    authorityRead: authorityRead(state, nowMs),
    agesMs: seen.agesMs,
    percent: percentOf(state, seen, nowMs),
    sync: syncOf(state, seen),
    sessions: seen.sessions,
    integrity: seen.freshVerifies && integrityOf(seen.freshVerifies, state.authority),
    compared: seen.freshVerifies && comparedBy(seen.freshVerifies),
    ...impactOf(state, seen),
    gates: seen.gates,
    rollback: wayBackOf(state, seen),
    waitingFor: waitingForOf(state, seen, suspects),
    suspects,
    paused: state.paused,
    goingBack: state.stop,
    throttled: seen.freshSyncs?.find((sync) => sync.throttled !== null)?.throttled ?? null,
    lastFailure: state.lastFailure,
    outcome: state.outcome,
  };
}

/** A measurement that is too small to prove anything is not known. */
function impactOf({ plan }: RunState, { impact }: Seen): Pick<Progress, 'impactPercent' | 'impact'> {
  if (impact === null || impact.windows < PROVING_WINDOWS) return { impactPercent: null, impact: null };
  const limit = plan.gates.impactPercent;
  const { low, high } = impact;
  return { impactPercent: pointOf(impact, limit), impact: { low, high, words: impactWords(impact, limit) } };
}

export function syncsOf(snapshot: Snapshot | null): readonly LinkStatus[] {
  return (snapshot?.links ?? []).flatMap((link) => (link.sync ? [link.sync] : []));
}

/** @param verifies `null` = not known */
export function sessionsOf(verifies: readonly VerifyStatus[] | null): SessionCounts {
  if (verifies === null) return { live: null, migrated: null, lost: null };
  return {
    live: sum(verifies.map((verify) => verify.sessions.live)),
    migrated: sum(verifies.map((verify) => verify.sessions.migrated)),
    lost: sum(verifies.map((verify) => verify.sessions.lost)),
  };
}

function syncOf(state: RunState, { syncs, freshSyncs }: Seen): Progress['sync'] {
  const to = hasFlipped(state) ? 'toSource' : 'toTarget';
  return {
    copied: sum(syncs.map((sync) => sync.copied)),
    total: sum(syncs.map((sync) => sync.total)),
    lagMs: worstLag((freshSyncs ?? []).map((sync) => sync.lagMs[to])),
    pending: sum(syncs.map((sync) => sync.pending[to])),
    conflicts: sum(syncs.map((sync) => sync.conflicts)),
    repaired: sum(syncs.map(({ repaired = 0 }) => repaired)),
    quarantined: sum(syncs.map((sync) => sync.quarantined)),
    throttle: throttleInForce(state, syncs),
  };
}

/**
 * The asked limits minus the part that the measured impact takes, as the syncs report it. The link with the smallest
 * share decides for all.
 */
function throttleInForce(state: RunState, syncs: readonly LinkStatus[]): Progress['sync']['throttle'] {
  const asked = state.configured ?? throttleOf(state.plan);
  const told = syncs.flatMap(({ throttle }) => (throttle ? [throttle] : []));
  const share = Math.min(1, ...told.map((one) => one.share));
  const reason = syncs.find(({ throttled }) => throttled !== null)?.throttled ?? null;
  return { ...braked(asked, { ...RELEASED, share }), share, reason };
}

/**
 * A wait for the decision of an operator comes before every other wait. An approval waits for green gates first: nobody
 * can give it while a gate blocks.
 */
function waitingForOf(
  state: RunState,
  { gates }: Seen,
  suspects: readonly OpenSuspect[],
): Progress['waitingFor'] {
  if (state.paused) return pausedBy(state.paused);
  if (state.questions.length > 0)
    return { what: 'resume', why: `an operator has to look: ${state.questions.join('; ')}` };
  const words = state.outcome === null ? suspectWords(suspects) : null;
  if (words !== null) return { what: 'resume', why: words };
  const { what, gate } = state.waitingFor;
  const blocked =
    what === 'gates' || (what === 'approval' && gate !== 'complete') ? gates.filter(blocks) : [];
  if (blocked.length === 0) return state.waitingFor;
  const why = blocked.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  return { ...state.waitingFor, what: 'gates', why };
}

function pausedBy({ by, reason }: { by: string; reason: string }): Progress['waitingFor'] {
  return { what: 'resume', why: `paused by ${by}: ${reason}; the sync goes on` };
}

/** On the way back the percentage stands still: it shows how far the migration had come. */
function percentOf(state: RunState, seen: Seen, nowMs: number): number {
  if (state.outcome === 'completed') return 100;
  const current = state.entered.at(-1)?.phase ?? 'preflight';
  const begin = BEGINS_AT[current];
  const share = Math.min(1, Math.max(0, shareOf(current, state, seen, nowMs)));
  return Math.round((begin + (ENDS_AT[current] - begin) * share) * 10) / 10;
}

/** Returns the finished part of a phase, 0 to 1; 0 when it cannot be known. */
function shareOf(phase: Phase, state: RunState, seen: Seen, nowMs: number): number {
  const { copied, total } = syncOf(state, seen);
  const { live, migrated } = seen.sessions;
  const sinceMs = state.entered.at(-1)?.atMs ?? nowMs;
  const upTo = (endMs: number) => (endMs > sinceMs ? (nowMs - sinceMs) / (endMs - sinceMs) : 1);
  const readinessMs =
    jDayMs(state.plan, state.startedAtMs) + state.plan.timeline.readinessDay * state.plan.dayMs;
  if (phase === 'copy') return total === 0 ? 0 : copied / total;
  if (phase === 'sync') return upTo(readinessMs);
  if (phase === 'readiness') return upTo(jDayMs(state.plan, state.startedAtMs));
  if (phase === 'sessions') return live === null || migrated === null || live === 0 ? 0 : migrated / live;
  if (phase === 'watch' && state.windowEndsAtMs !== null) return upTo(state.windowEndsAtMs);
  return 0;
}

/** A drain replicates at least 20 keys per ms. Pending keys prolong the way back by that much. */
const KEYS_PER_MS = 20;

/** Returns what the way back would cost by the last poll. This is the operator's first question at 3 a.m. */
function wayBackOf(state: RunState, { freshSyncs: syncs }: Seen): Progress['rollback'] {
  const windowEndsAt = state.windowEndsAtMs === null ? null : new Date(state.windowEndsAtMs).toISOString();
  if (state.sealed) return { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt };
  // Before the sync replicates anything, V1 has lost nothing to V2, and there is nothing to put back. A run that has
  // claimed no store does not know whether V2 serves already.
  if (!state.observation)
    return {
      lossless: state.epoch > 0 && !hasFlipped(state),
      estimateMs: null,
      writesAtRisk: null,
      windowEndsAt,
    };
  if (syncs === null) return { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt };
  const waiting = sum(syncs.map((sync) => sync.pending.toSource));
  const switchMs = state.cutover?.fencedMs ?? state.predictedFenceMs;
  const estimateMs = switchMs === null ? null : Math.round(switchMs + waiting / KEYS_PER_MS);
  // The cutover begins with an empty quarantine, so every value in it now came after the cutover. V1 does not have it.
  const kept = hasFlipped(state) ? sum(syncs.map((sync) => sync.quarantined)) : 0;
  const writesAtRisk = waiting + kept;
  return { lossless: syncs.every((sync) => bringsBack(sync, state)), estimateMs, writesAtRisk, windowEndsAt };
}

/**
 * True when V2's writes reach V1: no circuit breaker stops them, and after the flip their lag is known and within the
 * limit.
 */
function bringsBack(sync: LinkStatus, state: RunState): boolean {
  if (sync.breaker !== null) return false;
  if (!hasFlipped(state)) return true;
  if (sync.quarantined > 0) return false;
  const lag = sync.lagMs.toSource.p99;
  return state.plan.mode === 'bidirectional' && lag !== null && lag <= state.plan.triggers.lagP99Ms;
}
