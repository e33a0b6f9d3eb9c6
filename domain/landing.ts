import { ABSENT, type Digest, expireAtOf } from './digest.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import type { Side } from './side.ts';

/** What one side holds of a key, and who may write there, when a write arrives. `null` = no record. */
export type Holding = {
  readonly side: Side;
  readonly nowMs: number;
  readonly lease: number | null;
  readonly epoch: number | null;
  readonly state: Digest;
  readonly entry: LedgerEntry | null;
};

/** A write as it was decided on, after one look. */
export type Landed = {
  readonly token: number;
  readonly epoch: number;
  readonly expected: Digest;
  readonly expectedEntry: LedgerEntry | null;
  /** The state to write, absent = delete it; `null` = only the ledger. */
  readonly state: Digest | null;
  /** State of the other side, which this write agrees with. */
  readonly other: Digest;
  readonly stamp: string;
  /** What the entry says beside the states; `null` = both are gone, and no entry stays here. */
  readonly tail: Pick<LedgerEntry, 'ours' | 'spelling'> | null;
  /** Put what stands there into the conflict journal (L2). */
  readonly journal: boolean;
};

export type Landing =
  | { readonly verdict: 'fenced' | 'epoch' | 'stale' }
  | {
      readonly verdict: 'done';
      readonly state: Digest;
      readonly entry: LedgerEntry | null;
      /** What went into the journal. */
      readonly journaled: Digest | null;
    };

/**
 * What redis/scripts/apply.lua checks and does, in one atomic step: lease and epoch are those of the decision (L1),
 * state, expiry and entry are those that were read; then the state and the entry that describes it change
 * together. The script is held against this function by test/redis/landing.test.ts.
 */
export function land(there: Holding, write: Landed): Landing {
  if (there.lease !== write.token) return { verdict: 'fenced' };
  if (there.epoch !== write.epoch) return { verdict: 'epoch' };
  if (there.state !== write.expected || !sameEntry(there.entry, write.expectedEntry))
    return { verdict: 'stale' };
  const state = write.state === null ? there.state : alive(write.state, there.nowMs);
  const journaled = write.journal && there.state !== ABSENT ? there.state : null;
  return { verdict: 'done', state, entry: entryAfter(there.side, state, write), journaled };
}

/** The entry says what stands there after the write, not what was meant to. */
function entryAfter(side: Side, mine: Digest, write: Landed): LedgerEntry | null {
  const { stamp, other, tail } = write;
  if (tail === null || (write.state === null && mine === ABSENT && other === ABSENT)) return null;
  const states = side === 'source' ? { source: mine, target: other } : { source: other, target: mine };
  return { stamp, ...states, ours: tail.ours, spelling: tail.spelling };
}

/** A state whose expiry has passed creates nothing. */
function alive(state: Digest, nowMs: number): Digest {
  const expireAt = expireAtOf(state);
  return expireAt !== null && expireAt <= nowMs ? ABSENT : state;
}

function sameEntry(one: LedgerEntry | null, other: LedgerEntry | null): boolean {
  if (one === other || one === null || other === null) return one === other;
  return (
    one.stamp === other.stamp &&
    one.source === other.source &&
    one.target === other.target &&
    one.ours === other.ours &&
    one.spelling === other.spelling
  );
}
