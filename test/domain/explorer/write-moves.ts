import { otherSide } from '../../../domain/side.ts';
import type { Landing } from '../../../domain/landing.ts';
import type { LedgerEntry } from '../../../domain/ledger-entry.ts';
import { changed } from './app-moves.ts';
import { givenBack, seenOf } from './attempt-moves.ts';
import type { Bounds, Protocol } from './bounds.ts';
import { Violation } from './explore.ts';
import { CLOCK_MS, type Content, contentOf, digestOf } from './values.ts';
import { type Attempt, type Flight, type Glimpse, type Known, withAttempt, type World } from './world.ts';

type Move = (name: string, next: World) => void;
type Done = Extract<Landing, { verdict: 'done' }>;

/** The write of an attempt reaches the server, at once or much later: a zombie's is no different. */
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
  // The event of our own write reaches everybody, ourselves too.
  const self = written.attempts.find((other) => other.token === one.token) as Attempt;
  move(name, withAttempt(written, self, change));
}

/** What is known of both sides after a write landed; nothing where one is gone. */
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
      tail: noEntry ? null : { ours, spelling: 0 },
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

/** Only a mutant comes here: the entry follows the state in a step of its own. */
function lateEntry(world: World, one: Attempt, flight: Flight, move: Move): void {
  const { on, stamp, ours } = flight;
  const store = world[on];
  const other = (one.looks[otherSide(on)] as Glimpse).content;
  const mine = digestOf(on, flight.content ?? (one.looks[on] as Glimpse).content);
  const states = { [on]: mine, [otherSide(on)]: digestOf(otherSide(on), other) };
  const entry = {
    stamp,
    ours,
    spelling: 0,
    source: states.source as string,
    target: states.target as string,
  };
  const written = { ...world, [on]: { ...store, entry } };
  move(
    `attempt ${one.token} writes the entry on ${on}`,
    withAttempt(written, one, one.leases === 3 ? null : givenBack(one, 'done')),
  );
}

/** L1: what was decided under one authority is not written under another, nor by a fenced attempt. */
function assertRight(world: World, one: Attempt, { on }: Flight): void {
  if (world[on].epoch !== one.epoch)
    throw new Violation(`a write of an epoch that is over landed on ${on} (L1)`);
}

/**
 * L2: what is overwritten lives on in what is written, or in the journal. Not lost either is what nobody but its own
 * app overwrote: an absence, or the very state both sides had agreed on. And no state loses to one that it includes. L3: nothing is written that stands there.
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
  // What an operator decided of a suspect side may be the older state.
  if (older && !Object.values(world.suspicions).some(({ accepted }) => accepted))
    throw new Violation(`a newer state on ${flight.on} loses to an older one (L2)`);
  if (content === store.content && content !== 0)
    throw new Violation(`${flight.on} is written what stands there (L3)`);
  if (journaled || store.content === 0 || store.content === store.agreed) return;
  // A flush took the newest entry: a key that is back in the state of an older one passes for unchanged.
  const suspect = Object.keys(world.suspicions).length > 0;
  if (suspect && seen.entry?.[flight.on] === digestOf(flight.on, store.content)) return;
  const overwritten = seen.content === store.content ? seen.ops : store.ops;
  const lost = overwritten & ~flight.ops & ~world.journal;
  if (lost !== 0) throw new Violation(`write ${32 - Math.clz32(lost)} on ${flight.on} is lost (L2)`);
}
