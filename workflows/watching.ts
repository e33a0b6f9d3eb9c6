import { CancellationScope, condition } from '@temporalio/workflow';
import { blocks } from '../domain/judge.ts';
import { openSuspects } from '../domain/open-suspects.ts';
import { lookLengthMs } from '../domain/look-length.ts';
import { scaled } from '../domain/timeline.ts';
import type { Observation, WatchInput, WatchState } from '../domain/watch.ts';
import type { ObserveInput } from './activities.ts';
import { observing } from './proxies.ts';
import { type Run, TurnedBack } from './run.ts';

/** Gates that were green for less than this were not seen by two statuses of every sync. */
const HOLD_FLOOR_MS = 1_000;

export type Watch = {
  readonly goal: WatchInput['goal'];
  /** Default `jday` from the phase `sessions` on, `sync` before it. */
  readonly joins?: WatchInput['joins'];
  /** For the goal `green`, ms. */
  readonly holdMs?: number;
  /** The watch ends at this instant, ms; may move while it lasts. */
  readonly untilMs?: () => number;
  /** The watch ends as soon as this holds: a message has come in. */
  readonly or?: () => boolean;
  /** Since when it is waited, ms, by which looks become longer: now, unless several watches are one wait. */
  readonly sinceMs?: number;
};

/**
 * Watches in bounded looks until the goal, the instant or the message; each look refreshes the state. Holds and
 * suspicions last from look to look, and begin anew with each watch: between two watches nobody looked.
 *
 * @throws TurnedBack when a trigger fires
 */
export async function watch(run: Run, wanted: Watch): Promise<void> {
  const beganMs = wanted.sinceMs ?? Date.now();
  let before: WatchState = { greenSinceMs: null };
  for (;;) {
    const leftMs = wanted.untilMs ? Math.max(0, wanted.untilMs() - Date.now()) : Infinity;
    const forMs = Math.min(lookLengthMs(Date.now() - beganMs), leftMs);
    const seen = await look(run, wanted, before, forMs);
    if (seen === null || seen.goalReached || wanted.or?.()) return;
    if (wanted.untilMs && Date.now() >= wanted.untilMs()) return;
    before = { greenSinceMs: seen.greenSinceMs, suspicion: seen.suspicion, joinedAtPass: seen.joinedAtPass };
  }
}

/** How long gates must be green before they count as green, ms. */
export function holdMs(run: Run): number {
  return scaled(run.plan, run.plan.gates.holdMs, HOLD_FLOOR_MS);
}

/** Waits until no gate has blocked for `forMs`, and says meanwhile what does. */
export async function watchUntilGreen(run: Run, forMs: number): Promise<void> {
  await watch(run, { goal: 'green', holdMs: forMs });
}

/** One look, now: whether no gate blocks at this moment. */
export async function isGreenNow(run: Run): Promise<boolean> {
  const seen = await look(run, { goal: 'none' }, { greenSinceMs: null }, 0);
  return seen !== null && !seen.gates.some(blocks);
}

/** Refreshes what is known of the world, and decides nothing by it. */
export async function lookNow(run: Run): Promise<void> {
  const observation = await observing(0, 'Looks after a decision').observe(
    inputOf(run, { goal: 'none' }, { greenSinceMs: null }, 0),
  );
  run.note({ observation });
}

/** `null`: the message came first. */
async function look(run: Run, wanted: Watch, before: WatchState, forMs: number): Promise<Observation | null> {
  const { goal, or } = wanted;
  if (or?.()) return null;
  const input = inputOf(run, wanted, before, forMs);
  const scope = new CancellationScope();
  const seen = await scope.run(() => {
    const observed = observing(forMs, summaryOf(run, goal)).observe(input);
    return or ? Promise.race([observed, condition(or).then(() => null)]) : observed;
  });
  // The loser of the race ends with its scope.
  scope.cancel();
  if (seen !== null) see(run, seen);
  return seen;
}

function inputOf(run: Run, wanted: Watch, before: WatchState, forMs: number): ObserveInput {
  const open = openSuspects(run.state.observation?.snapshot.links);
  return {
    ...before,
    plan: run.plan,
    goal: wanted.goal,
    joins: wanted.joins ?? joinsOf(run),
    authority: run.state.authority,
    holdMs: wanted.holdMs ?? 0,
    forMs,
    ...(open.length > 0 && { suspected: open.map(({ link, side }) => `${link} ${side}`) }),
  };
}

function see(run: Run, observation: Observation): void {
  const held = observation.gates.filter(blocks).map((gate) => `${gate.name} (${gate.reason})`);
  const { waitingFor } = run.state;
  const why =
    waitingFor.what === 'gates' && held.length > 0
      ? { waitingFor: { ...waitingFor, why: held.join(', ') } }
      : {};
  run.note({ observation, ...why });
  if (observation.triggered === null) return;
  run.turnBack({ by: 'trigger', reason: observation.triggered });
  throw new TurnedBack(observation.triggered);
}

function joinsOf(run: Run): WatchInput['joins'] {
  return run.state.entered.some((entry) => entry.phase === 'sessions') ? 'jday' : 'sync';
}

function summaryOf(run: Run, goal: WatchInput['goal']): string {
  return goal === 'none' ? `Watches (${run.state.phase})` : `Watches until ${goal} (${run.state.phase})`;
}
