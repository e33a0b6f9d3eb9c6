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
  const tail = entryTail({ ours: pair.agreed?.ours ?? false, spelling });
  return {
    pair,
    side,
    write: {
      ...basics(pair, side, stamp),
      act: 'agree',
      value: NOTHING,
      expireAt: -1,
      tail,
      journal: false,
      preimage: false,
    },
  };
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
  return {
    pair,
    side: to,
    write: {
      ...basics(pair, to, stamp),
      act: carried.act,
      value: carried.value,
      expireAt: expireAtOf(from.digest) ?? -1,
      tail: leavesNoEntry(step, pair.states) ? '' : entryTail({ ours, spelling: carried.spelling }),
      journal: conflict,
      preimage: keepsPreimage(to, pair.agreed),
    },
  };
}

function basics(pair: Pair, side: Side, stamp: string) {
  return {
    name: pair.names[side],
    place: pair.place,
    expected: pair.states[side].digest,
    expectedEntry: pair.states[side].entryBytes,
    stamp,
    other: pair.states[otherSide(side)].digest,
  };
}
