import { integrityOf, sum } from './fresh.ts';
import type { Outcome } from './phase.ts';
import { sessionsOf, syncsOf, verifiesOf } from './progress-of.ts';
import type { Report } from './report.ts';
import type { RunState } from './run-state.ts';

/** The result of the workflow: what happened, from the state the run ended with. */
export function reportOf(state: RunState, outcome: Outcome, nowMs: number): Report {
  const snapshot = state.observation?.snapshot ?? null;
  const syncs = syncsOf(snapshot);
  const verifies = verifiesOf(snapshot);
  return {
    migration: state.plan.migration,
    outcome,
    reason: state.stop?.reason ?? null,
    authority: state.authority,
    epoch: state.epoch,
    startedAt: instant(state.startedAtMs),
    endedAt: instant(nowMs),
    phases: phasesOf(state, nowMs),
    preflight: { warnings: state.warnings },
    backups: state.backups,
    sync: {
      keys: sum(syncs.map((sync) => sync.copied)),
      carriedToTarget: sum(syncs.map((sync) => sync.carried.toTarget)),
      carriedToSource: sum(syncs.map((sync) => sync.carried.toSource)),
      conflicts: sum(syncs.map((sync) => sync.conflicts)),
      quarantined: sum(syncs.map((sync) => sync.quarantined)),
    },
    sessions: sessionsOf(verifies),
    integrity: integrityOf(verifies, state.authority),
    cutover: state.cutover,
    rollback: state.rollback,
    cleared: state.cleared,
    approvals: state.approvals.map(({ atMs, ...approval }) => ({ ...approval, at: instant(atMs) })),
    undone: state.undone,
  };
}

function phasesOf(state: RunState, nowMs: number): Report['phases'] {
  return state.entered.map(({ phase, atMs }, index) => ({
    phase,
    startedAt: instant(atMs),
    durationMs: (state.entered[index + 1]?.atMs ?? state.turnedBackAtMs ?? nowMs) - atMs,
  }));
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
