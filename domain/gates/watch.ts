import { freshSyncs, isUnknown } from './fresh.ts';
import { storesDoubt, type Gate, storesGate } from './gate.ts';
import { blocks, judge, PENDING_LIMIT } from './judge.ts';
import { type Dataset, linksOf, type Plan, type Side } from '../plan/plan.ts';
import type { LinkStatus, Snapshot } from './status.ts';
import { isCounted } from './sessions.ts';
import { longer, NO_MEMORY, remember, type TriggerMemory, triggeredBy } from './trigger.ts';

/** The goal of a watch, and the state that it inherits from the watch before it. */
export type WatchInput = WatchState & {
  /**
   * - `copied`: the demanded datasets have joined and settled, and on J-Day no session is lost.
   * - `green`: no gate blocks, for `holdMs`.
   * - `red`: at least one gate blocks.
   * - `none`: the watch has no goal.
   */
  readonly goal: 'copied' | 'green' | 'red' | 'none';
  /** The datasets that must have joined for the goal `copied`. `jday` includes those of `sync`. */
  readonly joins: 'sync' | 'jday';
  readonly authority: Side;
  /** Epoch of the record by which that side serves. Absent or 0 means not known. */
  readonly epoch?: number;
  /** How long the gates must stay green, ms. */
  readonly holdMs: number;
};

/** The state that one poll passes to the next. In this way holds and suspicions survive the end of a watch. */
export type WatchState = {
  /**
   * Time for which no gate has blocked, ms. `null` means that a gate blocks or that no poll has run yet. It is a
   * duration and not an instant, because the next poll may run on another machine with another clock.
   */
  readonly greenForMs: number | null;
  readonly suspicion?: TriggerMemory;
  /**
   * For each link, the verifier's count of censuses when all demanded datasets had joined. Absent means that they have
   * not joined. Older releases counted whole passes here. That does no harm: a census also has to have begun after the
   * join.
   */
  readonly joinedAtPass?: Readonly<Record<string, number>>;
};

/** One poll with its judgement. It is also the `WatchState` of the next poll. */
export type Observation = WatchState & {
  readonly snapshot: Snapshot;
  readonly gates: readonly Gate[];
  readonly goalReached: boolean;
  /**
   * The reason, in one sentence, when a trigger has fired; else `null`. A trigger aborts before the flip and rolls back
   * after it.
   */
  readonly triggered: string | null;
  /** The look ended before its time because an operator must hear of something new. */
  readonly news?: true;
};

/**
 * The content of the heartbeats of a look. `at`: the gates in short, for the Temporal UI. `ageMs`: time from the read of
 * the stores to the heartbeat, ms.
 */
export type LookBeat = { readonly at: string; readonly observation: Observation; readonly ageMs: number };

/**
 * Judges one snapshot together with the state of the polls before it. The function is pure.
 *
 * @param sinceMs time since the poll before, ms; 0 when no poll has run for a while
 */
export function watchStep(
  before: WatchState,
  snapshot: Snapshot,
  plan: Plan,
  input: WatchInput,
  sinceMs: number,
): Observation {
  const gates = [...judge(snapshot, plan, input.authority), storesGate(snapshot, input)];
  const greenForMs = gates.some(blocks) ? null : longer(before.greenForMs, sinceMs);
  const suspicion = remember(before.suspicion ?? NO_MEMORY, snapshot, plan, input.authority, sinceMs);
  const joined = haveJoined(snapshot, plan, input.joins);
  const joinedAtPass = joined ? passes(snapshot, before.joinedAtPass) : undefined;
  const state = { greenForMs, suspicion, ...(joinedAtPass && { joinedAtPass }) };
  // When the stores are not the ones that this migration knows, the snapshot proves nothing.
  const ours = storesDoubt(snapshot, input) === null;
  const triggered = ours ? triggeredBy(suspicion, snapshot, plan, input.authority) : null;
  return {
    ...state,
    snapshot,
    gates,
    triggered,
    goalReached: ours && reached(input, state, { gates, snapshot, plan }),
  };
}

type Look = { readonly gates: readonly Gate[]; readonly snapshot: Snapshot; readonly plan: Plan };

function reached(input: WatchInput, { greenForMs, joinedAtPass }: WatchState, look: Look): boolean {
  switch (input.goal) {
    case 'none':
      return false;
    case 'red':
      return greenForMs === null;
    case 'green':
      return greenForMs !== null && greenForMs >= input.holdMs;
    case 'copied':
      return joinedAtPass !== undefined && (input.joins === 'sync' || censusIsClean(joinedAtPass, look));
  }
}

/**
 * True when every demanded dataset is scanned and few changes are pending. Under live traffic some changes are always
 * pending.
 */
function haveJoined(snapshot: Snapshot, plan: Plan, joins: 'sync' | 'jday'): boolean {
  const syncs = freshSyncs(snapshot, plan);
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

/** Returns the count of censuses of each link at the join. For a verifier that began anew it is the present count. */
function passes(snapshot: Snapshot, before: WatchState['joinedAtPass']): Readonly<Record<string, number>> {
  return Object.fromEntries(
    snapshot.links.map(({ name, verify }) => {
      const now = verify?.census?.passes ?? 0;
      return [name, Math.min(before?.[name] ?? now, now)];
    }),
  );
}

/** True when the census of the sessions is complete and shows no loss. It waits for no whole pass. */
function censusIsClean(
  joinedAtPass: Readonly<Record<string, number>>,
  { gates, snapshot, plan }: Look,
): boolean {
  const open = gates.some((gate) => gate.name === 'sessions' && !blocks(gate));
  return open && isCounted(snapshot, plan, joinedAtPass);
}
