import { freshImpact, freshSyncs, freshVerifies, isUnknown } from '../gates/fresh.ts';
import { countedSessions } from '../gates/sessions.ts';
import type { Gate } from '../gates/gate.ts';
import type { ImpactStatus, LinkStatus, Snapshot, VerifyStatus } from '../gates/status.ts';
import { showDuration } from '../plan/duration.ts';
import type { Side } from '../plan/plan.ts';
import { isKnown } from '../authority/authority-record.ts';
import type { Ages, Progress, SessionCounts } from './progress.ts';
import type { RunState } from './run-state.ts';

/**
 * Longest age of a look whose values still count as the present ones, ms. A look of a healthy run is told each second;
 * the rest is for a worker that has died and is replaced.
 */
export const LOOK_STALE_MS = 60_000;

/** What the last look at the stores is worth at a given moment. */
export type Seen = {
  readonly agesMs: Ages;
  /** The statuses as they were last seen, whatever their age. Only their counts may be shown. */
  readonly syncs: readonly LinkStatus[];
  /** The statuses that hold now. `null` means not known. */
  readonly freshSyncs: readonly LinkStatus[] | null;
  readonly freshVerifies: readonly VerifyStatus[] | null;
  /** The sessions by the census, which does not wait for a whole pass. */
  readonly sessions: SessionCounts;
  readonly impact: ImpactStatus | null;
  readonly gates: readonly Gate[];
};

const UNCOUNTED: SessionCounts = { live: null, migrated: null, lost: null };

const NOTHING: Seen = {
  agesMs: { look: null, sync: null, verify: null, impact: null },
  syncs: [],
  freshSyncs: null,
  freshVerifies: null,
  sessions: UNCOUNTED,
  impact: null,
  gates: [],
};

/**
 * Weighs the last look of a run. Of a run that has ended the last look counts whatever its age: nothing changes any
 * more.
 */
export function seenBy(state: RunState, nowMs: number): Seen {
  const { observation, plan } = state;
  if (observation === null) return NOTHING;
  const { snapshot } = observation;
  const lookMs = lookAgeMs(state, nowMs);
  const holds = state.outcome !== null || lookMs <= LOOK_STALE_MS;
  const known = <T extends object>(told: T | { readonly unknown: string }): T | null =>
    holds && !isUnknown(told) ? told : null;
  return {
    agesMs: agesOf(snapshot, lookMs),
    syncs: snapshot.links.flatMap(({ sync }) => (sync ? [sync] : [])),
    freshSyncs: known(freshSyncs(snapshot, plan)),
    freshVerifies: known(freshVerifies(snapshot, plan)),
    sessions: counts(known(countedSessions(snapshot, plan))),
    impact: known(freshImpact(snapshot)),
    gates: holds ? observation.gates : observation.gates.map((gate) => outdated(gate, lookMs)),
  };
}

function counts(counted: SessionCounts | null): SessionCounts {
  if (counted === null) return UNCOUNTED;
  const { live, migrated, lost } = counted;
  return { live, migrated, lost };
}

/** Age of the last look, ms. A clock that was set back makes no look of the future. */
function lookAgeMs({ observedAtMs }: RunState, nowMs: number): number {
  return observedAtMs === null ? Infinity : Math.max(0, nowMs - observedAtMs);
}

function agesOf({ links, impact, unseen }: Snapshot, lookMs: number): Ages {
  if (!Number.isFinite(lookMs)) return NOTHING.agesMs;
  return {
    look: unseen === undefined ? lookMs : null,
    sync: oldest(
      links.map(({ sync }) => sync),
      lookMs,
    ),
    verify: oldest(
      links.map(({ verify }) => verify),
      lookMs,
    ),
    impact: oldest([impact], lookMs),
  };
}

function oldest(told: readonly ({ readonly ageMs: number | null } | null)[], lookMs: number): number | null {
  const ages = told.map((one) => one?.ageMs ?? null);
  const known = ages.filter((ageMs) => ageMs !== null);
  return known.length === 0 || known.length < ages.length ? null : Math.max(...known) + lookMs;
}

function outdated(gate: Gate, lookMs: number): Gate {
  const { name, limit, verdict } = gate;
  const reason = `the stores were last read ${showDuration(lookMs)} ago: ${verdict} then`;
  return { name, limit, value: null, verdict: 'unknown', reason };
}

/**
 * Returns the side that serves, as this run has last read it in the stores or written it there, with the age of that.
 * `null` means that the run has claimed no store yet, that a switch may be moving the authority, or that another process
 * has moved it.
 */
export function authorityRead(state: RunState, nowMs: number): Progress['authorityRead'] {
  const { authority: side, epoch, switching, observation, authorityAtMs } = state;
  if (epoch === 0 || switching || authorityAtMs === null) return null;
  const said = observation?.snapshot.authority;
  if (said && !isKnown(said, { side, epoch }) && said.epoch >= epoch) return null;
  return { side, ageMs: Math.max(0, nowMs - authorityAtMs) };
}

/** Returns the side that serves now; `null` when it is not known, or was read too long ago. */
export function servingSide(state: RunState, nowMs: number): Side | null {
  const read = authorityRead(state, nowMs);
  if (read === null) return null;
  return state.outcome !== null || read.ageMs <= LOOK_STALE_MS ? read.side : null;
}
