import type { Both, LedgerEntry } from '../../../domain/protocol/protocol.ts';
import type { Side } from '../../../domain/plan/plan.ts';
import type { Suspicions } from '../../../domain/protocol/loss-suspicion.ts';
import { type Content, spellEntry } from './values.ts';

export const SIDES = ['source', 'target'] as const;
/** A set of sides as bits. */
export const BIT: Both<number> = { source: 1, target: 2 };
export const BOTH = 3;

/**
 * One side: what its server holds of the key and of our records. `ops` = the writes that its state includes, as bits.
 */
export type Store = {
  readonly content: Content;
  readonly ops: number;
  readonly lease: number;
  readonly epoch: number;
  readonly entry: LedgerEntry | null;
  /** 1 = every key with an expiry has expired here. */
  readonly clock: 0 | 1;
  /** What both sides really agreed on last. Only the invariants know it. */
  readonly agreed: Content;
};

export type Glimpse = Pick<Store, 'content' | 'ops' | 'entry' | 'clock'>;

/** A write in flight. `content` null = only the ledger. */
export type Flight = {
  readonly on: Side;
  readonly content: Content | null;
  readonly ops: number;
  readonly conflict: boolean;
  readonly stamp: string;
  readonly ours: boolean;
  readonly noEntry: boolean;
  readonly again: boolean;
};

/** One attempt of the sync. It may be alive, stopped for good or a zombie; from outside these look the same. */
export type Attempt = {
  readonly token: number;
  /**
   * 0 = it holds no lease, 1 = it holds the lease on the target, 2 = it holds both and its feed is open, 3 = it was
   * killed and only its last write is left.
   */
  readonly leases: 0 | 1 | 2 | 3;
  readonly epoch: number;
  /**
   * Sets of sides. `heard`: sides with an event on its way to the attempt. `waiting`, `held` and `parked`: marks of the
   * key while it waits, is in work, or is parked.
   */
  readonly heard: number;
  readonly waiting: number;
  readonly held: number;
  readonly parked: number;
  /** Sides whose scan has not come to the key. */
  readonly unscanned: number;
  readonly at: 'idle' | 'glance' | 'look' | 'write' | 'entry';
  readonly looks: Readonly<Record<Side, Glimpse | null>>;
  readonly flight: Flight | null;
  /** The side that was not read; its state was assumed. The write there compares, so a wrong state is refused. */
  readonly assumed: Side | null;
  readonly known: Known | null;
};

/** What both sides held after this attempt's last write. `echo`: the side whose next event is most likely its own. */
export type Known = Both<Glimpse> & { readonly echo: Side | null };

export type World = {
  readonly source: Store;
  readonly target: Store;
  readonly attempts: readonly Attempt[];
  /** Attempts begun so far. */
  readonly begun: number;
  /** Writes of apps so far. Each write has a number. */
  readonly written: number;
  readonly journal: number;
  /** Sides whose apps may not write, as bits. */
  readonly fenced: number;
  readonly paused: Side | null;
  /** Sides on which something changed without an event, as bits. */
  readonly unheard: number;
  readonly expires: boolean;
  /** The suspect sides; `told`: sides that an app has written to since. Only the random schedules use these. */
  readonly suspicions: Suspicions;
  readonly told: number;
  /** Greater than every stamp that was given before a side became suspect. */
  readonly doubtFrom: string;
};

export const NO_LOOKS = { source: null, target: null };

export function newAttempt(token: number, epoch: number): Attempt {
  return {
    ...{ token, epoch, leases: 0, heard: 0, waiting: 0, held: 0, parked: 0, unscanned: BOTH },
    ...{ at: 'idle', looks: NO_LOOKS, flight: null, assumed: null, known: null },
  };
}

/** The world before the first attempt: the key was written once on the source, or never. */
export function beginning(expires: boolean, empty: boolean): World {
  const written = empty ? 0 : 1;
  const store: Store = {
    ...{ content: 0, ops: 0, lease: 0, epoch: 1, entry: null, clock: 0, agreed: 0 },
  };
  return {
    source: { ...store, content: written, ops: written },
    target: store,
    ...{ attempts: [], begun: 0, written, journal: 0, fenced: 0, paused: null, expires },
    ...{ suspicions: {}, told: 0, doubtFrom: '', unheard: 0 },
  };
}

export function withAttempt(world: World, which: Attempt, change: Partial<Attempt> | null): World {
  const attempts = world.attempts.flatMap((one) =>
    one !== which ? [one] : change ? [{ ...one, ...change }] : [],
  );
  return { ...world, attempts };
}

/** A world as a short text. Two worlds with the same text can only develop in the same way. */
export function spell(world: World): string {
  let text = spellStore(world.source) + spellStore(world.target);
  const roles = world.unheard * 16 + world.fenced * 4 + (world.paused ? BIT[world.paused] : 0);
  text += String.fromCharCode(world.begun * 16 + world.written, world.journal, roles);
  for (const attempt of world.attempts) text += spellAttempt(attempt);
  return text;
}

function spellStore(store: Store): string {
  const { content, ops, lease, epoch, clock, agreed, entry } = store;
  return String.fromCharCode(content * 16 + agreed, ops, lease * 16 + epoch * 2 + clock) + spellEntry(entry);
}

function spellAttempt(one: Attempt): string {
  const marks = one.heard * 64 + one.waiting * 16 + one.held * 4 + one.parked;
  const place = one.at.charCodeAt(0);
  let text = String.fromCharCode(one.token * 32 + one.leases * 8 + one.epoch, marks);
  text += String.fromCharCode(place, one.unscanned * 4 + (one.assumed ? BIT[one.assumed] : 0));
  for (const side of SIDES) text += spellGlimpse(one.looks[side]);
  if (one.known) {
    text += one.known.echo ? one.known.echo.charAt(0) : '-';
    for (const side of SIDES) text += spellGlimpse(one.known[side]);
  }
  return one.flight ? text + spellFlight(one.flight) : text;
}

function spellGlimpse(glimpse: Glimpse | null): string {
  if (!glimpse) return '~';
  return String.fromCharCode(glimpse.content * 2 + glimpse.clock, glimpse.ops) + spellEntry(glimpse.entry);
}

function spellFlight({ on, content, ops, conflict, stamp, ours, noEntry, again }: Flight): string {
  const flags = (conflict ? 4 : 0) + (ours ? 8 : 0) + (again ? 16 : 0) + (noEntry ? 32 : 0) + BIT[on];
  return String.fromCharCode(content === null ? 255 : content, ops, flags) + stamp;
}
