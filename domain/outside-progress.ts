import { integrityOf, sum } from './fresh.ts';
import { worstLag } from './link-status.ts';
import { sessionsOf } from './progress-of.ts';
import { openSuspects } from './open-suspects.ts';
import { PHASES } from './phase.ts';
import type { Progress } from './progress.ts';
import type { LinkStatus, VerifyStatus } from './status.ts';
import { throttleInForce } from './throttle-in-force.ts';

/** What Temporal itself knows of a run when no worker answers; everything else is unknown. */
export type OutsideView = {
  readonly migration: string;
  /** Search attributes, as far as they are registered. */
  readonly phase: string | undefined;
  readonly authority: string | undefined;
  readonly day: string | undefined;
  /** Last heartbeats of the long activities. */
  readonly syncs: readonly LinkStatus[];
  readonly verifies: readonly VerifyStatus[];
  readonly why: string;
};

const WHO_SERVES = 'who serves is not known here, read the hash jday:authority in the stores';

/** Progress as seen from outside. Way back, gates and percent cannot be judged here, so they are not claimed (L7). */
export function outsideProgress(view: OutsideView): Progress {
  const authority = view.authority === 'target' ? 'target' : 'source';
  const towards = authority === 'target' ? 'toSource' : 'toTarget';
  return {
    migration: view.migration,
    phase: phaseOf(view.phase) ?? (view.syncs.length > 0 ? 'sync' : 'preflight'),
    day: view.day ?? 'J?',
    authority,
    percent: 0,
    sync: {
      copied: sum(view.syncs.map((sync) => sync.copied)),
      total: sum(view.syncs.map((sync) => sync.total)),
      lagMs: worstLag(view.syncs.map((sync) => sync.lagMs[towards])),
      pending: sum(view.syncs.map((sync) => sync.pending[towards])),
      conflicts: sum(view.syncs.map((sync) => sync.conflicts)),
      quarantined: sum(view.syncs.map((sync) => sync.quarantined)),
      throttle: throttleInForce(null, view.syncs),
    },
    sessions: sessionsOf(view.verifies),
    integrity: integrityOf(view.verifies, authority),
    impactPercent: null,
    gates: [],
    rollback: { lossless: false, estimateMs: null, writesAtRisk: null, windowEndsAt: null },
    waitingFor: {
      what: 'nothing',
      why: view.authority === undefined ? `${view.why}; ${WHO_SERVES}` : view.why,
    },
    suspects: openSuspects(view.syncs.map((sync) => ({ name: sync.link, sync }))),
    paused: null,
    throttled: throttleInForce(null, view.syncs).reason,
    lastFailure: null,
    outcome: null,
  };
}

function phaseOf(name: string | undefined): Progress['phase'] | undefined {
  const known: readonly Progress['phase'][] = [...PHASES, 'aborting', 'rolling-back', 'ended'];
  return known.find((phase) => phase === name);
}
