import { expireAtOf } from '../../domain/digest.ts';
import { keepsPreimage, leavesNoEntry, oursAfter, type Step } from '../../domain/protocol.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { entryTail } from '../ledger.ts';
import type { Write } from './apply-writes.ts';
import { carry } from './carry.ts';
import type { Pair } from './pair.ts';

/** A write that was decided on and not yet made. */
export type Draft = { readonly pair: Pair; readonly side: Side; readonly write: Write };

const NOTHING = Buffer.alloc(0);

/** Only the ledger: both sides agree as they are. */
export function draftAgreement(pair: Pair, side: Side, stamp: string, spelling: number): Draft {
  const carried = { act: 'agree' as const, value: NOTHING, expireAt: -1, journal: false, preimage: false };
  const tail = entryTail({ ours: pair.agreed?.ours ?? false, spelling });
  return { pair, side, write: writeOf(pair, side, stamp, tail, carried) };
}

/**
 * The state of one side for the other. A conflict's loser goes to the journal in the same step (L2); what stood on
 * the target before we first wrote there is kept as pre-image (L6).
 */
export function draftCarry(
  pair: Pair,
  step: Extract<Step, { do: 'carry' }>,
  stamp: string,
): Draft | { readonly reason: string } {
  const { to, conflict } = step;
  const from = pair.states[otherSide(to)];
  const carried = carry(pair.dataset, to, from.value, pair.agreed?.spelling ?? 0);
  if (!carried.ok) return { reason: carried.reason };
  const ours = oursAfter(to, pair.states, pair.agreed);
  const tail = leavesNoEntry(step, pair.states) ? '' : entryTail({ ours, spelling: carried.spelling });
  const write = writeOf(pair, to, stamp, tail, {
    act: carried.act,
    value: carried.value,
    expireAt: expireAtOf(from.digest) ?? -1,
    journal: conflict,
    preimage: keepsPreimage(to, pair.agreed),
  });
  return { pair, side: to, write };
}

type What = Pick<Write, 'act' | 'value' | 'expireAt' | 'journal' | 'preimage'>;

function writeOf(pair: Pair, side: Side, stamp: string, tail: string, what: What): Write {
  const there = pair.states[side];
  return {
    name: pair.names[side],
    place: pair.place,
    expected: there.digest,
    expectedEntry: there.entryBytes,
    stamp,
    other: pair.states[otherSide(side)].digest,
    tail,
    act: what.act,
    value: what.value,
    expireAt: what.expireAt,
    journal: what.journal,
    preimage: what.preimage,
  };
}
