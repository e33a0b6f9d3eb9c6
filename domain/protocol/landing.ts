import { ABSENT, type Digest, expireAtOf, type LedgerEntry } from './protocol.ts';
import type { Side } from '../plan/plan.ts';

/**
 * The state of one side of a key when a write arrives, with the records that decide if the write may proceed. `null`
 * means that the record does not exist.
 */
export type Holding = {
  readonly side: Side;
  /** Clock of this server, ms. */
  readonly nowMs: number;
  /** Token of the newest attempt of the sync, as this server holds it. */
  readonly lease: number | null;
  readonly epoch: number | null;
  readonly state: Digest;
  readonly entry: LedgerEntry | null;
};

/** A write that the reconciler decided on after one read of both sides. */
export type Landed = {
  /** Token of the attempt that decided. */
  readonly token: number;
  /** Epoch of the authority under which the attempt decided. */
  readonly epoch: number;
  /** The state that the attempt read on this side. */
  readonly expected: Digest;
  /** The ledger entry that the attempt read on this side. */
  readonly expectedEntry: LedgerEntry | null;
  /** The state to write. `ABSENT` deletes the key. `null` leaves the key as it is and changes only the ledger entry. */
  readonly state: Digest | null;
  /** The state of the other side with which this write agrees. */
  readonly other: Digest;
  /** Stamp of the new ledger entry. */
  readonly stamp: string;
  /**
   * The fields of the new entry besides the two states. `null` means that the key is gone on both sides, so no entry
   * stays on this side.
   */
  readonly tail: Pick<LedgerEntry, 'ours' | 'spelling'> | null;
  /**
   * True when the conflict journal must keep the value that this write replaces, so that no acknowledged write is lost.
   */
  readonly journal: boolean;
};

export type Landing =
  | { readonly verdict: 'fenced' | 'epoch' | 'stale' }
  | {
      readonly verdict: 'done';
      readonly state: Digest;
      readonly entry: LedgerEntry | null;
      /** The state that went into the conflict journal; `null` means none. */
      readonly journaled: Digest | null;
    };

/**
 * Does the checks and the changes of `redis/scripts/apply.lua`, which runs them in one atomic step. The lease and the
 * epoch must be those of the decision: a stale attempt must not write. The state, the expiry and the ledger entry must
 * be those that the attempt read. Then the state and the entry that describes it change together.
 *
 * `test/redis/replication/landing.test.ts` compares the script with this function.
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

/**
 * Builds the new ledger entry. It holds the state that stands on this side after the write. That can differ from the
 * state that the attempt wanted to write, see `alive`.
 */
function entryAfter(side: Side, mine: Digest, write: Landed): LedgerEntry | null {
  const { stamp, other, tail } = write;
  if (tail === null || (write.state === null && mine === ABSENT && other === ABSENT)) return null;
  const states = side === 'source' ? { source: mine, target: other } : { source: other, target: mine };
  return { stamp, ...states, ours: tail.ours, spelling: tail.spelling };
}

/** Returns `ABSENT` for a state whose expiry has passed, because such a write creates no key. */
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
