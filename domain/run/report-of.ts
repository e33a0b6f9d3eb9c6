import type { RunOutcome } from '../plan/plan.ts';
import { sessionsOf, syncsOf } from './progress-of.ts';
import { freshVerifies, isUnknown } from '../gates/fresh.ts';
import type { Report } from './report.ts';
import type { RunState } from './run-state.ts';
import { sum } from '../gates/sum.ts';
import { integrityOf } from '../gates/integrity.ts';

/** Returns the result of the workflow, from the state with which the run ended. */
export function reportOf(state: RunState, outcome: RunOutcome, nowMs: number): Report {
  const snapshot = state.observation?.snapshot ?? null;
  const syncs = syncsOf(snapshot);
  const told = snapshot && freshVerifies(snapshot, state.plan);
  const verifies = told === null || isUnknown(told) ? null : told;
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
    integrity: verifies && integrityOf(verifies, state.authority),
    cutover: state.cutover,
    rollback: state.rollback,
    cleared: state.cleared,
    approvals: state.approvals.map(({ atMs, ...approval }) => ({ ...approval, at: instant(atMs) })),
    waivers: waiversOf(state),
    undone: state.undone,
  };
}

function waiversOf({ plan, waivers }: RunState): NonNullable<Report['waivers']> {
  const planned = (plan.gates.waive ?? []).map(({ gate, reason }) => ({ gate, by: null, reason, at: null }));
  const said = waivers.map(({ gate, by, reason, atMs }) => ({ gate, by, reason, at: instant(atMs) }));
  return [...planned, ...said];
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
