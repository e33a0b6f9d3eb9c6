import { otherSide } from '../../../domain/plan/plan.ts';
import type { Landing } from '../../../domain/protocol/landing.ts';
import type { LedgerEntry } from '../../../domain/protocol/protocol.ts';
import { changed } from './app-moves.ts';
import { authorityIn, givenBack, seenOf } from './attempt-moves.ts';
import type { Bounds, Protocol } from './bounds.ts';
import { Violation } from './explore.ts';
import { CLOCK_MS, type Content, contentOf, digestOf } from './values.ts';
import { type Attempt, type Flight, type Glimpse, type Known, withAttempt, type World } from './world.ts';

type Move = (name: string, next: World) => void;
type Done = Extract<Landing, { verdict: 'done' }>;

/** The write of an attempt reaches the server, at once or much later. The write of a zombie is no different. */
export function writeMoves(world: World, one: Attempt, bounds: Bounds, protocol: Protocol, move: Move): void {
  const flight = one.flight;
  if (!flight || one.at === 'idle') return;
  if (one.at === 'entry') return lateEntry(world, one, flight, move);
  const landing = landingOf(world, one, flight, protocol);
  const name = `attempt ${one.token} writes on ${flight.on}: ${landing.verdict}`;
  const ends = landing.verdict === 'fenced' || one.leases === 3;
  const refused = { ...givenBack(one, 'again'), known: null };
  if (landing.verdict !== 'done') return move(name, withAttempt(world, one, ends ? null : refused));
  assertRight(world, one, flight);
  const { on } = flight;
  const content = contentOf(on, landing.state);
  assertLawful(world, one, flight, content, landing.journaled !== null);
  const there = one.looks[otherSide(on)] as Glimpse;
  const known = bounds.knows ? knownAfter(world, one, flight, content, landing.entry) : null;
  const back = { ...givenBack(one, flight.again ? 'again' : 'done'), known };
  const written = landed(world, flight, content, landing, there.content, protocol.atomic);
  const done = one.leases === 3 ? null : back;
  const change = protocol.atomic ? done : { at: 'entry' as const };
  // The event of a write reaches every attempt, also the one that wrote.
  const self = written.attempts.find((other) => other.token === one.token) as Attempt;
  move(name, withAttempt(written, self, change));
}

/** What the attempt knows of both sides after its write landed; `null` if the key is gone on one side. */
function knownAfter(
  world: World,
  one: Attempt,
  flight: Flight,
  content: Content,
  entry: LedgerEntry | null,
): Known | null {
  const { on } = flight;
  const there = one.looks[otherSide(on)] as Glimpse;
  if (content === 0 || there.content === 0) return null;
  const ops = flight.content === null ? world[on].ops : flight.ops;
  const here = { content, ops, entry, clock: world[on].clock };
  const states = on === 'source' ? { source: here, target: there } : { source: there, target: here };
  return { ...states, echo: flight.content === null ? null : on };
}

function landingOf(world: World, one: Attempt, flight: Flight, protocol: Protocol): Landing {
  const { on, content, stamp, ours, noEntry, conflict } = flight;
  const store = world[on];
  const looks = one.looks as { source: Glimpse; target: Glimpse };
  const seen = seenOf(looks);
  const holding = {
    ...{ side: on, nowMs: CLOCK_MS[store.clock], lease: store.lease, epoch: store.epoch },
    ...{ state: digestOf(on, store.content), entry: store.entry },
  };
  return protocol.land(holding, {
    ...{
      token: one.token,
      epoch: one.epoch,
      stamp,
      tail: noEntry ? null : { ours, spelling: '' },
      journal: conflict,
    },
    ...{ expected: seen[on].digest, expectedEntry: seen[on].entry, other: seen[otherSide(on)].digest },
    state: content === null ? null : digestOf(on, content),
  });
}

function landed(
  world: World,
  flight: Flight,
  content: Content,
  landing: Done,
  other: Content,
  atomic: boolean,
): World {
  const { on } = flight;
  const store = world[on];
  const ops = flight.content === null ? store.ops : flight.ops;
  const entry = atomic ? landing.entry : store.entry;
  const next = { content, ops, entry, agreed: content };
  const written =
    content === store.content ? { ...world, [on]: { ...store, ...next } } : changed(world, on, next);
  const there = { ...written[otherSide(on)], agreed: other };
  const journal = landing.journaled === null ? world.journal : world.journal | store.ops;
  return { ...written, [otherSide(on)]: there, journal };
}

/** Only a mutant comes here: it writes the ledger entry in a second step after the state. */
function lateEntry(world: World, one: Attempt, flight: Flight, move: Move): void {
  const { on, stamp, ours } = flight;
  const store = world[on];
  const other = (one.looks[otherSide(on)] as Glimpse).content;
  const mine = digestOf(on, flight.content ?? (one.looks[on] as Glimpse).content);
  const states = { [on]: mine, [otherSide(on)]: digestOf(otherSide(on), other) };
  const entry = {
    stamp,
    ours,
    spelling: '',
    source: states.source as string,
    target: states.target as string,
  };
  const written = { ...world, [on]: { ...store, entry } };
  move(
    `attempt ${one.token} writes the entry on ${on}`,
    withAttempt(written, one, one.leases === 3 ? null : givenBack(one, 'done')),
  );
}

/** A write that was decided in one epoch must not land in another one. */
function assertRight(world: World, one: Attempt, { on }: Flight): void {
  if (world[on].epoch !== one.epoch)
    throw new Violation(`a write of an epoch that is over landed on ${on} (L1)`);
}

/** Whether an operator has decided on a suspect side. Such a decision may overwrite any state. */
function isDecided({ suspicions }: World): boolean {
  return Object.values(suspicions).some(({ accepted }) => accepted);
}

/**
 * What a write overwrites must live on in the new state or in the journal. Two kinds of state need not: an absence, and
 * the state on which both sides had agreed. No state may lose to an older one that it includes. And a write must change
 * the state.
 */
function assertLawful(
  world: World,
  one: Attempt,
  flight: Flight,
  content: Content,
  journaled: boolean,
): void {
  if (flight.content === null) return;
  const store = world[flight.on];
  const seen = one.looks[flight.on] as Glimpse;
  const older = store.ops !== flight.ops && (store.ops & flight.ops) === flight.ops;
  // A write of a stranger on the source is answered with the state of the target, which serves.
  const answered = flight.on === 'source' && authorityIn(one.epoch) === 'target';
  if (older && !answered && !isDecided(world))
    throw new Violation(`a newer state on ${flight.on} loses to an older one (L2)`);
  if (content === store.content && content !== 0)
    throw new Violation(`${flight.on} is written what stands there (L3)`);
  if (journaled || store.content === 0) return;
  // The target has acknowledged its state to an app, even if this state has not changed since the last agreement.
  if (flight.on === 'target' && authorityIn(world.target.epoch) === 'target' && !isDecided(world))
    throw new Violation('a change on the side that has handed over goes over what serves (L2)');
  if (store.content === store.agreed) return;
  // A flush took the newest entry. So a key that has the state of an older entry again looks unchanged.
  const suspect = Object.keys(world.suspicions).length > 0;
  if (suspect && seen.entry?.[flight.on] === digestOf(flight.on, store.content)) return;
  const overwritten = seen.content === store.content ? seen.ops : store.ops;
  const lost = overwritten & ~flight.ops & ~world.journal;
  if (lost !== 0) throw new Violation(`write ${32 - Math.clz32(lost)} on ${flight.on} is lost (L2)`);
}
