import { land } from '../../../domain/landing.ts';
import { nextStep } from '../../../domain/protocol.ts';
import { rulingOf } from '../../../domain/suspicion.ts';

/** How far the explorer goes, and which ways of the engine it takes. */
export type Bounds = {
  /** Writes by apps on both sides, with the one before we came. */
  readonly writes: number;
  /** Attempts of the sync; all but the newest may stop or go on, at any point. */
  readonly attempts: number;
  /** Older attempts go on reading and deciding; else only their last write may land. */
  readonly zombies: boolean;
  /** 1 = cutover, 2 = and rollback. */
  readonly flips: number;
  readonly expiry: boolean;
  /** Nothing stands anywhere at first; else one key on the source. */
  readonly empty: boolean;
  /** Apps also write what stood there before. */
  readonly again: boolean;
  /** The copy reads the source only, and expects nothing on the target. */
  readonly optimistic: boolean;
  /** An attempt remembers what its last write left: an event of one side is answered by a look at that side alone. */
  readonly knows: boolean;
};

/** The protocol as the engine runs it. A mutant takes one protection away. */
export type Protocol = {
  readonly next: typeof nextStep;
  readonly land: typeof land;
  /** What of a side that is suspect is held back (L5). */
  readonly rule: typeof rulingOf;
  /** The ledger entry is written in the same atomic step as the state. */
  readonly atomic: boolean;
  /** A change that is heard of while the key is in hand marks it again. */
  readonly marksInHand: boolean;
  /** The authority moves only when nothing of the old one is on its way. */
  readonly drains: boolean;
  /** …and when the scan has come to every key. */
  readonly drainsScan: boolean;
  /** …and only who holds the lease may say so. */
  readonly drainsByLease: boolean;
  /** Parked work is looked at on both sides again, whichever is heard of. */
  readonly keepsParked: boolean;
  /** The optimistic copy looks at both sides where the source's ledger knows the key. */
  readonly copyAsksLedger: boolean;
};

export const PROTOCOL: Protocol = {
  ...{
    next: nextStep,
    land,
    rule: rulingOf,
    atomic: true,
    marksInHand: true,
    drains: true,
    drainsScan: true,
    drainsByLease: true,
  },
  ...{ keepsParked: true, copyAsksLedger: true },
};
