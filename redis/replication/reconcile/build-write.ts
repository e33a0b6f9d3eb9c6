import {
  expireAtOf,
  keepsPreimage,
  leavesNoEntry,
  oursAfter,
  type NextStep,
} from '../../../domain/protocol/protocol.ts';
import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import { entryTail } from '../../state/ledger.ts';
import type { KeyWrite } from '../store/apply-writes.ts';
import { NOTHING, transformValue } from './transform-value.ts';
import type { KeyView } from './key-reader.ts';

/** A write that was decided and is not made yet, on `side`. */
export type PlannedWrite = {
  readonly view: KeyView;
  readonly side: Side;
  readonly write: KeyWrite;
  /** The write answers a stray write: a change on the source while V2 serves. */
  readonly stray?: boolean;
};

/** A write without the value: what it compares with, and what it leaves behind. */
export type EntryWrite = Omit<KeyWrite, 'act' | 'value'>;
/** The part of a write that follows from the step, not from what was read. */
export type Left = Pick<KeyWrite, 'tail' | 'expireAt' | 'journal' | 'preimage'>;

/** What a write of the ledger entry alone leaves. Both sides agree as they are. */
export function agreementOf(view: KeyView, spelling: string): Left {
  const tail = entryTail({ ours: view.agreed?.ours ?? false, spelling });
  return { tail, expireAt: -1n, journal: false, preimage: false };
}

/**
 * What a write of the state of one side to the other leaves. The loser of a conflict goes to the conflict journal in the
 * same atomic step, so no acknowledged write is lost. What the target held before we first wrote there is kept as
 * pre-image, so that an abort can put it back.
 */
export function carryOf(view: KeyView, step: Extract<NextStep, { do: 'carry' }>, spelling: string): Left {
  const { to, conflict } = step;
  const ours = oursAfter(to, view.states, view.agreed);
  return {
    tail: leavesNoEntry(step, view.states) ? '' : entryTail({ ours, spelling }),
    expireAt: expireAtOf(view.states[otherSide(to)].digest) ?? -1n,
    journal: conflict,
    preimage: keepsPreimage(to, view.agreed),
  };
}

/** Plans a write of the ledger entry alone, because both sides agree as they are. */
export function planAgreement(view: KeyView, side: Side, stamp: string, spelling: string): PlannedWrite {
  return { view, side, write: writeOf(view, side, stamp, agreementOf(view, spelling), 'agree', NOTHING) };
}

/**
 * Plans to write the state of one side to the other.
 *
 * @returns the write, or the reason why the value cannot be transformed
 */
export function planCarry(
  view: KeyView,
  step: Extract<NextStep, { do: 'carry' }>,
  stamp: string,
): PlannedWrite | { readonly reason: string } {
  const { to, stray = false } = step;
  const from = view.states[otherSide(to)];
  const carried = transformValue(view.dataset, to, from.value, view.agreed?.spelling ?? '');
  if (!carried.ok) return { reason: carried.reason };
  const left = carryOf(view, step, carried.spelling);
  return { view, side: to, write: writeOf(view, to, stamp, left, carried.act, carried.value), stray };
}

/**
 * Puts a write together. It names each field: to spread objects cost the copy an eighth of its CPU time
 * (docs/decisions/0042).
 *
 * @param act how the value is written; a large key has other ways than a small one
 */
export function writeOf<Act extends string>(
  view: KeyView,
  side: Side,
  stamp: string,
  left: Left,
  act: Act,
  value: Buffer,
): EntryWrite & { readonly act: Act; readonly value: Buffer } {
  const there = view.states[side];
  return {
    name: view.names[side],
    place: view.place,
    expected: there.digest,
    expectedEntry: there.entryBytes,
    stamp,
    other: view.states[otherSide(side)].digest,
    tail: left.tail,
    act,
    value,
    expireAt: left.expireAt,
    journal: left.journal,
    preimage: left.preimage,
  };
}
