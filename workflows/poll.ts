import { CancellationScope, condition } from '@temporalio/workflow';
import { blocks } from '../domain/gates/judge.ts';
import { concernsOf } from '../domain/gates/concerns.ts';
import { pollLengthMs, quietMs } from '../domain/gates/poll-length.ts';
import { type Gate, storesDoubt } from '../domain/gates/gate.ts';
import { nextDayMs, scaled } from '../domain/plan/plan.ts';
import type { Observation, WatchInput, WatchState } from '../domain/gates/watch.ts';
import type { ObserveInput } from './activities.ts';
import { observing } from './proxies.ts';
import { type Run, RollbackRequested } from './run.ts';

/** Shortest hold of green gates, ms. In a shorter time not every sync has written two statuses. */
const HOLD_FLOOR_MS = 1_000;

/** Days shorter than this share a look, ms. */
const DAY_FLOOR_MS = 1_000;

export type Watch = {
  readonly goal: WatchInput['goal'];
  /** @default `jday` from phase `sessions` on, `sync` before it */
  readonly joins?: WatchInput['joins'];
  /** Time for which the gates must be green, ms; only for the goal `green`. */
  readonly holdMs?: number;
  /** The watch ends at this instant, ms since the epoch. The instant may move during the watch. */
  readonly untilMs?: () => number;
  /** The watch ends as soon as this returns true, usually because a message has come in. */
  readonly or?: () => boolean;
  /**
   * Instant at which the wait began, ms since the epoch: the longer the wait, the longer each observation. Set it only
   * if several watches are one wait.
   *
   * @default now
   */
  readonly sinceMs?: number;
};

/**
 * Observes the stores, in calls of bounded length, until the goal, the instant or the message. Every call refreshes the
 * state of the run. The hold of the gates and the suspicions of the triggers are passed from call to call. They begin
 * anew with each watch, because no observation covers the time between two watches.
 *
 * @throws RollbackRequested when a trigger fires
 */
export async function watch(run: Run, wanted: Watch): Promise<void> {
  const beganMs = wanted.sinceMs ?? Date.now();
  let before: WatchState = { greenForMs: null };
  try {
    for (;;) {
      const leftMs = wanted.untilMs ? Math.max(0, wanted.untilMs() - Date.now()) : Infinity;
      // The day is one of the search attributes: a look that ends with the day tells the next one.
      const dayMs = nextDayMs(run.plan, run.state.startedAtMs, Date.now()) - Date.now();
      const forMs = Math.min(pollLengthMs(Date.now() - beganMs), leftMs, Math.max(dayMs, DAY_FLOOR_MS));
      const seen = await look(run, wanted, before, forMs);
      if (seen?.goalReached || wanted.or?.()) return;
      if (wanted.untilMs && Date.now() >= wanted.untilMs()) return;
      if (seen === null) continue;
      const { greenForMs, suspicion, joinedAtPass } = seen;
      before = { greenForMs, suspicion, joinedAtPass };
    }
  } finally {
    // No observation follows until the next watch, so an old doubt must not stay among the open questions.
    run.doubt(null);
  }
}

/** @returns the time for which gates must be green before they count as green, ms */
export function holdMs(run: Run): number {
  return scaled(run.plan, run.plan.gates.holdMs, HOLD_FLOOR_MS);
}

/** Waits until no gate has blocked for `forMs` ms. Shows meanwhile which gates block. */
export async function watchUntilGreen(run: Run, forMs: number): Promise<void> {
  await watch(run, { goal: 'green', holdMs: forMs });
}

/** Observes once. Returns the gates that block now. */
export async function blockingNow(run: Run): Promise<readonly Gate[]> {
  return (await pollNow(run, 'Looks before a decision')).gates.filter(blocks);
}

/** Refreshes the observation in the state. No decision follows from it. */
export async function pollNow(run: Run, summary: string): Promise<Observation> {
  const observation = await observing(0, summary).observe(
    inputOf(run, { goal: 'none' }, { greenForMs: null }, 0),
  );
  run.observed(observation);
  return observation;
}

/** Pause between two observations while the run waits for an operator, ms; doubled each time up to the longest. */
const CONFIRM_MS = 5_000;
const CONFIRM_LONGEST_MS = 2 * 3_600_000;

/**
 * Must return before anything is undone. Checks that every store is the one that was claimed and that the stores agree
 * with the authority record of this run. While they do not, the run asks an operator and undoes nothing.
 */
export async function confirmStores(run: Run): Promise<void> {
  for (let againMs = CONFIRM_MS; run.known() !== null; againMs = Math.min(2 * againMs, CONFIRM_LONGEST_MS)) {
    const { snapshot } = await pollNow(run, 'Asks the stores whether they are as this migration knows them');
    const doubt = storesDoubt(snapshot, run.state);
    if (doubt === null) return;
    await run.operator(doubt, againMs);
  }
}

/**
 * Looks once, for `forMs` at the longest.
 *
 * @returns `null` when the look was ended from here: by the message that the watch waits for, or because the state has
 *   changed. A look tells the state with which it began, so it must not outlive that state
 */
async function look(run: Run, wanted: Watch, before: WatchState, forMs: number): Promise<Observation | null> {
  const { goal, or } = wanted;
  if (or?.()) return null;
  const { revision } = run;
  const ended = () => or?.() === true || run.revision !== revision;
  const scope = new CancellationScope();
  const seen = await scope.run(() =>
    Promise.race([
      observing(forMs, summaryOf(run, goal)).observe(inputOf(run, wanted, before, forMs)),
      condition(ended).then(() => null),
    ]),
  );
  // Cancels the activity or the condition that lost the race.
  scope.cancel();
  if (seen !== null) see(run, seen);
  return seen;
}

function inputOf(
  run: Run,
  wanted: Watch,
  before: WatchState,
  forMs: number,
): Omit<ObserveInput, 'run' | 'plan'> {
  const suspected = concernsOf(run.state.observation?.snapshot);
  // The look has an observation of its own, so the last one of the workflow stays at home.
  const { plan: _plan, ...told } = { ...run.state, observation: null };
  return {
    ...before,
    told,
    goal: wanted.goal,
    joins: wanted.joins ?? joinsOf(run),
    authority: run.state.authority,
    epoch: run.state.epoch,
    holdMs: wanted.holdMs ?? 0,
    forMs,
    quietMs: quietMs(run.newsTold),
    ...(suspected.length > 0 && { suspected }),
  };
}

function see(run: Run, observation: Observation): void {
  const { snapshot } = observation;
  // A store does not answer. The state keeps the statuses of the last complete observation for display; the gates are
  // `unknown` meanwhile.
  const links = snapshot.unseen === undefined ? null : run.state.observation?.snapshot.links;
  run.observed(links ? { ...observation, snapshot: { ...snapshot, links } } : observation);
  if (snapshot.unseen === undefined) run.doubt(storesDoubt(snapshot, run.state));
  if (observation.triggered === null) return;
  run.requestRollback({ by: 'trigger', reason: observation.triggered });
  throw new RollbackRequested(observation.triggered);
}

function joinsOf(run: Run): WatchInput['joins'] {
  return run.state.entered.some((entry) => entry.phase === 'sessions') ? 'jday' : 'sync';
}

function summaryOf(run: Run, goal: WatchInput['goal']): string {
  return goal === 'none' ? `Watches (${run.state.phase})` : `Watches until ${goal} (${run.state.phase})`;
}
