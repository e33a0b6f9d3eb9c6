import {
  forgetsTwice,
  leavesNoEntry,
  newest,
  oursAfter,
  type NextStep,
} from '../../../domain/protocol/protocol.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import type { Bounds, Protocol } from './bounds.ts';
import { CLOCK_MS, digestOf, stampOf } from './values.ts';
import {
  type Attempt,
  BIT,
  BOTH,
  type Flight,
  type Glimpse,
  NO_LOOKS,
  SIDES,
  withAttempt,
  type World,
} from './world.ts';

type Move = (name: string, next: World) => void;

/** Epochs alternate: the source serves in the odd ones. */
export function authorityIn(epoch: number): Side {
  return epoch % 2 === 1 ? 'source' : 'target';
}

export function glimpse({ content, ops, entry, clock }: Glimpse): Glimpse {
  return { content, ops, entry, clock };
}

function believed({ suspicions }: World): boolean {
  return Object.values(suspicions).every((suspicion) => suspicion.accepted !== null);
}

/** Gives the key back: it is done, it must be read again on both sides, or it is parked. */
export function givenBack(one: Attempt, fate: 'done' | 'again' | 'parked'): Partial<Attempt> {
  const back = { at: 'idle', looks: NO_LOOKS, flight: null, held: 0, assumed: null } as const;
  if (fate === 'parked') return { ...back, parked: one.held | 4 };
  return { ...back, parked: 0, waiting: fate === 'again' ? BOTH : one.waiting };
}

/** All that one attempt can do next, except that its write lands. */
export function attemptMoves(
  world: World,
  one: Attempt,
  bounds: Bounds,
  protocol: Protocol,
  move: Move,
): void {
  const who = `attempt ${one.token}`;
  const go = (name: string, change: Partial<Attempt>) =>
    move(`${who} ${name}`, withAttempt(world, one, change));
  for (const side of SIDES) {
    if ((one.heard & BIT[side]) === 0) continue;
    const marks = protocol.marksInHand || one.at === 'idle' ? BIT[side] : 0;
    go(`hears of ${side}`, { heard: one.heard & ~BIT[side], waiting: one.waiting | marks });
  }
  if (one.at === 'idle') idleMoves(world, one, bounds, protocol, go);
  if (one.at === 'glance') glance(world, one, go);
  if (one.at === 'look') {
    for (const side of SIDES) if (!one.looks[side]) lookAt(world, one, side, protocol, go);
  }
}

type Go = (name: string, change: Partial<Attempt>) => void;

function idleMoves(world: World, one: Attempt, bounds: Bounds, protocol: Protocol, go: Go): void {
  if (one.epoch !== world.target.epoch) go('learns who serves', { epoch: world.target.epoch });
  if (one.parked !== 0 && !world.paused && believed(world)) go('unparks', givenBack(one, 'again'));
  if (one.waiting !== 0) {
    const both = protocol.keepsParked && one.parked !== 0;
    const taken = { held: both ? BOTH : one.waiting, waiting: 0 };
    const only = both
      ? null
      : one.waiting === BIT.source
        ? 'source'
        : one.waiting === BIT.target
          ? 'target'
          : null;
    if (!only || !one.known) go('takes the key', { ...taken, at: 'look' });
    else if (one.known.echo === only) go('takes the key', { ...taken, at: 'glance' });
    else go('takes the key', { ...taken, ...assume(one, otherSide(only)) });
  }
  // The scan takes the target's keys first. It does not find a key that exists on neither side.
  const side = one.unscanned === BOTH ? 'target' : one.unscanned === BIT.source ? 'source' : null;
  if (side) scan(world, one, side, bounds, protocol, go);
}

function scan(world: World, one: Attempt, side: Side, bounds: Bounds, protocol: Protocol, go: Go): void {
  const unscanned = one.unscanned & ~BIT[side];
  const store = world[side];
  if (store.content === 0) return go(`scans ${side} past the key`, { unscanned });
  if (one.waiting !== 0)
    return go(`scans ${side}, the key waits already`, {
      unscanned,
      waiting: protocol.scanMarksBoth ? BOTH : one.waiting | BIT[side],
    });
  if (!bounds.optimistic || side !== 'source') return go(`scans ${side}`, { unscanned, at: 'look' });
  const never: Glimpse = { content: 0, ops: 0, entry: null, clock: 0 };
  const looks = { source: null, target: never };
  go('copies the key', { unscanned, at: 'look', looks, assumed: 'target' });
}

/** Takes the known state of a side as its state and does not read the side. */
function assume(one: Attempt, side: Side): Partial<Attempt> {
  return { at: 'look', looks: { ...NO_LOOKS, [side]: one.known?.[side] }, assumed: side };
}

/**
 * Checks the side of our own last write: the event is likely our own, but an app may have written at the same moment.
 */
function glance(world: World, one: Attempt, go: Go): void {
  const side = one.held === BIT.source ? 'source' : 'target';
  const known = one.known && { ...one.known, echo: null };
  if (!known || world[side].content !== known[side].content)
    return go(`glances at ${side}: changed`, { ...assume(one, otherSide(side)), known });
  go(`glances at ${side}: nothing`, { ...givenBack(one, 'done'), known });
}

function lookAt(world: World, one: Attempt, side: Side, protocol: Protocol, go: Go): void {
  const blind = one.assumed !== null && !protocol.copyAsksLedger && one.looks[one.assumed]?.content === 0;
  const seen = glimpse(world[side]);
  const looks = { ...one.looks, [side]: blind ? { ...seen, entry: null } : seen };
  const { source, target } = looks;
  if (!source || !target) return go(`reads ${side}`, { looks });
  if (one.assumed && needsMore({ source, target }, one.assumed))
    return go(`reads ${side} and looks at both`, { looks: NO_LOOKS, assumed: null });
  const decided = protocol.next(seenOf({ source, target }), {
    authority: authorityIn(one.epoch),
    closed: (to) => (world.paused === to ? 'parked' : null),
    same: () => source.content === target.content,
  });
  const writtenSince = (from: Side) => ((world.told & BIT[from]) === 0 ? null : world.doubtFrom);
  const ruling = protocol.rule(decided, seenOf({ source, target }), world.suspicions, writtenSince);
  const stray = ruling === decided && decided.do === 'carry';
  const step = stray ? protocol.stray(decided, seenOf({ source, target }), authorityIn(one.epoch)) : ruling;
  const name = `reads ${side} -> ${step.do}`;
  if (step.do === 'hold') return go(name, givenBack(one, 'parked'));
  if (step.do === 'nothing') return go(name, givenBack(one, 'done'));
  const from = step.do === 'carry' ? otherSide(step.to) : null;
  if (one.assumed && (step.do === 'agree' || from === one.assumed))
    return go(`${name}, and looks at both`, { looks: NO_LOOKS, assumed: null });
  if (step.do === 'wait') return go(name, givenBack(one, step.closed === 'parked' ? 'parked' : 'done'));
  const flight = flightOf(world, one, { source, target }, step);
  go(`${name} on ${flight.on}`, { looks, flight, at: 'write' });
}

type Looks = Readonly<Record<Side, Glimpse>>;

/** Whether a key that was assumed absent on one side must be read on both: it is gone, or it was carried before. */
function needsMore(looks: Looks, assumed: Side): boolean {
  const seen = looks[otherSide(assumed)];
  return looks[assumed].content === 0 && (seen.content === 0 || seen.entry !== null);
}

export function seenOf({ source, target }: Looks) {
  const seen = (side: Side, { content, clock, entry }: Glimpse) => ({
    digest: digestOf(side, content),
    nowMs: CLOCK_MS[clock],
    entry,
  });
  return { source: seen('source', source), target: seen('target', target) };
}

function flightOf(
  world: World,
  one: Attempt,
  looks: Looks,
  step: Exclude<NextStep, { do: 'nothing' | 'wait' }>,
): Flight {
  const seen = seenOf(looks);
  const agreed = newest(seen.source.entry, seen.target.entry);
  const stamp = stampOf(one.token, nextCounter(world, one.token));
  const carries = step.do === 'carry';
  const on = carries ? step.to : step.on;
  return {
    ...{ on, stamp, conflict: carries && step.conflict, ops: looks[otherSide(on)].ops },
    content: carries ? looks[otherSide(on)].content : null,
    ours: carries ? oursAfter(on, seen, agreed) : (agreed?.ours ?? false),
    noEntry: carries && leavesNoEntry(step, seen),
    again: step.do === 'forget' && forgetsTwice(seen),
  };
}

/** One more than every counter that is still in use. Only the order of the stamps matters. */
function nextCounter(world: World, token: number): number {
  let most = 0;
  const count = (stamp: string | undefined) => {
    const code = stamp?.charCodeAt(0) ?? 0;
    if (code >> 5 === token) most = Math.max(most, code & 31);
  };
  for (const side of SIDES) count(world[side].entry?.stamp);
  for (const one of world.attempts) {
    count(one.flight?.stamp);
    for (const side of SIDES) count(one.looks[side]?.entry?.stamp);
  }
  return most + 1;
}
