import { ABSENT } from './digest.ts';
import { type LedgerEntry, newest } from './ledger-entry.ts';
import { otherSide, type Side } from './side.ts';
import { decide, type Look } from './three-way.ts';

/** One side of a key as one atomic look showed it: state, that server's clock, and the ledger entry beside it. */
export type Seen = Look & { readonly entry: LedgerEntry | null };

export type Both<T> = Readonly<Record<Side, T>>;

/** A side that must not be written to: `parked` = the key waits for it, `ignored` = the mode is one-way. */
export type Closed = 'parked' | 'ignored';

export type Rules = {
  readonly authority: Side;
  readonly closed: (side: Side) => Closed | null;
  /** Whether both sides say the same, seen through the transform; asked only when both changed. */
  readonly same: () => boolean;
};

/** What has to be done for one key after one look at both sides. */
export type Step =
  | { readonly do: 'nothing' }
  /** For `to` to open; on the other side nothing is left to do for the key. */
  | { readonly do: 'wait'; readonly to: Side; readonly closed: Closed }
  /** Both are gone: the entry on that side goes. */
  | { readonly do: 'forget'; readonly on: Side }
  /** Nothing travels; the ledger on that side takes both states down. */
  | { readonly do: 'agree'; readonly on: Side }
  /** The state of the other side goes to `to`; an `absence` only where the breaker believes it (L5). */
  | { readonly do: 'carry'; readonly to: Side; readonly conflict: boolean; readonly absence: boolean };

/**
 * The protocol for one key (design §5): read both sides, decide three-way, then one write, which `land` lets through
 * or refuses. Explored exhaustively, with every rule taken away in turn, in test/domain/explorer.
 */
export function nextStep(looks: Both<Seen>, rules: Rules): Step {
  const { source, target } = looks;
  const decision = decide(newest(source.entry, target.entry), source, target);
  if (decision.do === 'nothing') return decision;
  if (decision.do === 'forget') return { do: 'forget', on: forgetSide(looks) };
  if (decision.do === 'contest' && rules.same()) return { do: 'agree', on: 'target' };
  const to = decision.do === 'carry' ? decision.to : otherSide(rules.authority);
  const closed = rules.closed(to);
  if (closed) return { do: 'wait', to, closed };
  const absence = looks[otherSide(to)].digest === ABSENT;
  return { do: 'carry', to, conflict: decision.do === 'contest', absence };
}

/** Of two entries the older goes first: were the newer gone and we were killed, the older would pass for the truth. */
function forgetSide({ source, target }: Both<Seen>): Side {
  if (source.entry && target.entry)
    return newest(source.entry, target.entry) === target.entry ? 'source' : 'target';
  return target.entry ? 'target' : 'source';
}

/**
 * Whether an absence that travels leaves no entry behind. While an older entry stands on the side it comes from, the
 * two absences are written down: the older would pass for the truth, and a key that is created again at once would
 * lose to the delete before it.
 */
export function leavesNoEntry({ to, absence }: Extract<Step, { do: 'carry' }>, looks: Both<Seen>): boolean {
  return absence && looks[otherSide(to)].entry === null;
}

/** Two entries can stand for a key that is gone: when one has been forgotten, the other is still to go. */
export function forgetsTwice({ source, target }: Both<Seen>): boolean {
  return source.digest === ABSENT && target.digest === ABSENT && !!source.entry && !!target.entry;
}

/** Whether the key on the target will be ours after a write to `to`: an abort deletes what we created (L6). */
export function oursAfter(to: Side, looks: Both<Seen>, agreed: LedgerEntry | null): boolean {
  return (to === 'target' && looks.target.digest === ABSENT) || (agreed?.ours ?? false);
}

/** What stood on the target before we first wrote there is kept. */
export function keepsPreimage(to: Side, agreed: LedgerEntry | null): boolean {
  return to === 'target' && !agreed?.ours;
}
