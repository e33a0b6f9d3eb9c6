import { freshSyncs, isUnknown } from './fresh.ts';
import type { Gate } from './gate.ts';
import { blocks, judge, PENDING_LIMIT } from './judge.ts';
import { linksOf } from './link.ts';
import type { Dataset, Plan } from './plan.ts';
import type { Side } from './side.ts';
import type { LinkStatus, Snapshot } from './status.ts';
import { NO_SUSPICION, type Suspicion, suspect, triggeredBy } from './trigger.ts';

/** What a watch is for, and what it inherits from the watch before it. */
export type WatchInput = WatchState & {
  /**
   * `copied`: the demanded datasets have joined and settled, and on J-Day no session is lost; `green`: no gate
   * blocks, for `holdMs`; `red`: some gate blocks; `none`: just watch.
   */
  readonly goal: 'copied' | 'green' | 'red' | 'none';
  /** Datasets that must have joined for the goal `copied`; `jday` includes those of `sync`. */
  readonly joins: 'sync' | 'jday';
  readonly authority: Side;
  /** How long gates must stay green, ms. */
  readonly holdMs: number;
};

/** What one look leaves for the next; holds and suspicions survive the end of a watch that way. */
export type WatchState = {
  /** No gate has blocked since, ms since epoch. */
  readonly greenSinceMs: number | null;
  readonly suspicion?: Suspicion;
  /** Per link: the verifier's pass under way when all demanded datasets had joined; absent = they have not. */
  readonly joinedAtPass?: Readonly<Record<string, number>>;
};

/** One look, judged. Is the `WatchState` of the next look. */
export type Observation = WatchState & {
  readonly snapshot: Snapshot;
  readonly gates: readonly Gate[];
  readonly goalReached: boolean;
  /** Set when a trigger fired: the reason, in one sentence. Before the flip it aborts, after it rolls back. */
  readonly triggered: string | null;
};

/** Judges one snapshot in the light of those before it. Pure: `seen = watchStep(seen, snapshot, plan, input, now)`. */
export function watchStep(
  before: WatchState,
  snapshot: Snapshot,
  plan: Plan,
  input: WatchInput,
  nowMs: number,
): Observation {
  const gates = judge(snapshot, plan, input.authority, nowMs);
  const greenSinceMs = gates.some(blocks) ? null : (before.greenSinceMs ?? nowMs);
  const suspicion = suspect(before.suspicion ?? NO_SUSPICION, snapshot, plan, nowMs);
  const joined = haveJoined(snapshot, plan, input.joins, nowMs);
  const joinedAtPass = joined ? passes(snapshot, before.joinedAtPass) : undefined;
  const state = { greenSinceMs, suspicion, ...(joinedAtPass && { joinedAtPass }) };
  const triggered = triggeredBy(suspicion, snapshot, plan, input.authority, nowMs);
  return {
    ...state,
    snapshot,
    gates,
    triggered,
    goalReached: reached(input, state, { gates, snapshot, nowMs }),
  };
}

type Look = { readonly gates: readonly Gate[]; readonly snapshot: Snapshot; readonly nowMs: number };

function reached(input: WatchInput, { greenSinceMs, joinedAtPass }: WatchState, look: Look): boolean {
  switch (input.goal) {
    case 'none':
      return false;
    case 'red':
      return greenSinceMs === null;
    case 'green':
      return greenSinceMs !== null && look.nowMs - greenSinceMs >= input.holdMs;
    case 'copied':
      return joinedAtPass !== undefined && (input.joins === 'sync' || censusIsClean(joinedAtPass, look));
  }
}

/** Every demanded dataset is scanned, and little waits: under live traffic something always does. */
function haveJoined(snapshot: Snapshot, plan: Plan, joins: 'sync' | 'jday', nowMs: number): boolean {
  const syncs = freshSyncs(snapshot, plan, nowMs);
  if (isUnknown(syncs)) return false;
  return linksOf(plan).every(({ name, datasets }) => {
    const sync = syncs.find((status) => status.link === name);
    const demanded = datasets.filter((dataset) => joins === 'jday' || dataset.joins === 'sync');
    return sync !== undefined && hasJoined(sync, demanded);
  });
}

function hasJoined(sync: LinkStatus, datasets: readonly Dataset[]): boolean {
  return datasets.every(({ name }) => sync.joined.includes(name)) && sync.pending.toTarget <= PENDING_LIMIT;
}

/** Passes so far; a verifier that began anew counts from where it is now. */
function passes(snapshot: Snapshot, before: WatchState['joinedAtPass']): Readonly<Record<string, number>> {
  return Object.fromEntries(
    snapshot.links.map(({ name, verify }) => {
      const now = verify?.passes ?? 0;
      return [name, Math.min(before?.[name] ?? now, now)];
    }),
  );
}

/**
 * The census of the sessions counts only what a whole pass has seen after they joined: the pass under way at
 * that moment may have looked before, hence two.
 */
function censusIsClean(joinedAtPass: Readonly<Record<string, number>>, { gates, snapshot }: Look): boolean {
  const counted = snapshot.links.every(
    ({ name, verify }) => (verify?.passes ?? 0) >= (joinedAtPass[name] ?? 0) + 2,
  );
  return counted && gates.some((gate) => gate.name === 'sessions' && gate.verdict === 'green');
}
