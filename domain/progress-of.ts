import { integrityOf, sum } from './fresh.ts';
import { worstLag } from './link-status.ts';
import { type OpenSuspect, openSuspects, suspectWords } from './open-suspects.ts';
import type { Phase } from './phase.ts';
import type { Progress } from './progress.ts';
import { hasFlipped, type RunState } from './run-state.ts';
import type { LinkStatus, Snapshot, VerifyStatus } from './status.ts';
import { dayName, jDayMs } from './timeline.ts';
import { wayBackOf } from './way-back.ts';
import { throttleInForce } from './throttle-in-force.ts';
import { throttleOf } from './throttle.ts';

/** Where each phase begins, in percent of the whole run; the copy and the waits between get the larger shares. */
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

/** The answer of the query `progress`: where the run stands, by its last look at the world. */
export function progressOf(state: RunState, nowMs: number): Progress {
  const { observation, plan } = state;
  const snapshot = observation?.snapshot ?? null;
  const verifies = verifiesOf(snapshot);
  const suspects = openSuspects(snapshot?.links);
  return {
    migration: plan.migration,
    phase: state.phase,
    day: dayName(plan, state.startedAtMs, nowMs),
    authority: state.authority,
    percent: percentOf(state, nowMs),
    sync: syncOf(state, syncsOf(snapshot)),
    sessions: sessionsOf(verifies),
    integrity: integrityOf(verifies, state.authority),
    impactPercent: snapshot?.impact?.percent ?? null,
    gates: observation?.gates ?? [],
    rollback: wayBackOf(state),
    waitingFor: waitingForOf(state, suspects),
    suspects,
    paused: state.paused,
    throttled: syncsOf(snapshot).find((sync) => sync.throttled !== null)?.throttled ?? null,
    lastFailure: state.lastFailure,
    outcome: state.outcome,
  };
}

export function syncsOf(snapshot: Snapshot | null): readonly LinkStatus[] {
  return (snapshot?.links ?? []).flatMap((link) => (link.sync ? [link.sync] : []));
}

export function verifiesOf(snapshot: Snapshot | null): readonly VerifyStatus[] {
  return (snapshot?.links ?? []).flatMap((link) => (link.verify ? [link.verify] : []));
}

export function sessionsOf(verifies: readonly VerifyStatus[]): Progress['sessions'] {
  return {
    live: sum(verifies.map((verify) => verify.sessions.live)),
    migrated: sum(verifies.map((verify) => verify.sessions.migrated)),
    lost: sum(verifies.map((verify) => verify.sessions.lost)),
  };
}

function syncOf(state: RunState, syncs: readonly LinkStatus[]): Progress['sync'] {
  const to = hasFlipped(state) ? 'toSource' : 'toTarget';
  return {
    copied: sum(syncs.map((sync) => sync.copied)),
    total: sum(syncs.map((sync) => sync.total)),
    lagMs: worstLag(syncs.map((sync) => sync.lagMs[to])),
    pending: sum(syncs.map((sync) => sync.pending[to])),
    conflicts: sum(syncs.map((sync) => sync.conflicts)),
    quarantined: sum(syncs.map((sync) => sync.quarantined)),
    throttle: throttleInForce(state.configured ?? throttleOf(state.plan), syncs),
  };
}

/** What needs somebody's word comes before whatever else is waited for. */
function waitingForOf(state: RunState, suspects: readonly OpenSuspect[]): Progress['waitingFor'] {
  if (state.paused) return pausedBy(state.paused);
  if (state.questions.length > 0)
    return { what: 'resume', why: `an operator has to look: ${state.questions.join('; ')}` };
  const words = state.outcome === null ? suspectWords(suspects) : null;
  return words === null ? state.waitingFor : { what: 'resume', why: words };
}

function pausedBy({ by, reason }: { by: string; reason: string }): Progress['waitingFor'] {
  return { what: 'resume', why: `paused by ${by}: ${reason}; the sync goes on` };
}

/** On the way back the percent stands still: it says how far the migration had come. */
function percentOf(state: RunState, nowMs: number): number {
  if (state.outcome === 'completed') return 100;
  const current = state.entered.at(-1)?.phase ?? 'preflight';
  const begin = BEGINS_AT[current];
  const share = Math.min(1, Math.max(0, shareOf(current, state, nowMs)));
  return Math.round((begin + (ENDS_AT[current] - begin) * share) * 10) / 10;
}

/** How much of a phase is done, 0 to 1; 0 where that cannot be known. */
function shareOf(phase: Phase, state: RunState, nowMs: number): number {
  const { copied, total } = syncOf(state, syncsOf(state.observation?.snapshot ?? null));
  const { live, migrated } = sessionsOf(verifiesOf(state.observation?.snapshot ?? null));
  const sinceMs = state.entered.at(-1)?.atMs ?? nowMs;
  const upTo = (endMs: number) => (endMs > sinceMs ? (nowMs - sinceMs) / (endMs - sinceMs) : 1);
  const readinessMs =
    jDayMs(state.plan, state.startedAtMs) + state.plan.timeline.readinessDay * state.plan.dayMs;
  if (phase === 'copy') return total === 0 ? 0 : copied / total;
  if (phase === 'sync') return upTo(readinessMs);
  if (phase === 'readiness') return upTo(jDayMs(state.plan, state.startedAtMs));
  if (phase === 'sessions') return live === 0 ? 0 : migrated / live;
  if (phase === 'watch' && state.windowEndsAtMs !== null) return upTo(state.windowEndsAtMs);
  return 0;
}
