import { land } from '../../../domain/protocol/landing.ts';
import { answerStray, nextStep } from '../../../domain/protocol/protocol.ts';
import { applySuspicions } from '../../../domain/protocol/loss-suspicion.ts';

/** How far the explorer goes, and which paths of the engine it takes. */
export type Bounds = {
  /** Writes by apps on both sides, including the one before the first attempt. */
  readonly writes: number;
  /** Attempts of the sync. All except the newest may stop or go on at any point. */
  readonly attempts: number;
  /** Older attempts go on reading and deciding. If not, only their last write may land. */
  readonly zombies: boolean;
  /** 1 = a cutover, 2 = a cutover and a rollback. */
  readonly flips: number;
  readonly expiry: boolean;
  /** The key exists on neither side at first. If not, it exists on the source. */
  readonly empty: boolean;
  /** Apps also write the first value again. */
  readonly again: boolean;
  /** The copy reads only the source and assumes that the key does not exist on the target. */
  readonly optimistic: boolean;
  /** A client that no fence stops goes on writing on the source while the target serves. */
  readonly strangers: boolean;
  /** Apps also make writes that raise no event, as consumer groups do. A poll finds them. */
  readonly silent: boolean;
  /** An attempt remembers what its last write left. After an event of one side it reads only that side. */
  readonly knows: boolean;
};

/** The protocol as the engine runs it. A mutant takes one protection away. */
export type Protocol = {
  readonly next: typeof nextStep;
  readonly land: typeof land;
  /** The answer to a change on the source while the target serves. */
  readonly stray: typeof answerStray;
  /** What comes from a suspect side is held back. */
  readonly rule: typeof applySuspicions;
  /** The ledger entry is written in the same atomic step as the state. */
  readonly atomic: boolean;
  /** An event that comes while the key is in work marks the key again. */
  readonly marksInHand: boolean;
  /** The authority moves only when no change of the old side is on its way. */
  readonly drains: boolean;
  /** The drain also waits until the scan has come to every key. */
  readonly drainsScan: boolean;
  /** The drain also waits for a poll under the fence, which finds writes that raised no event. */
  readonly drainsSilent: boolean;
  /**
   * A key that already waits when the scan comes to it is marked for both sides, so no side drains before it is read.
   */
  readonly scanMarksBoth: boolean;
  /** Only the attempt that holds the lease may answer the drain. */
  readonly drainsByLease: boolean;
  /** A parked key is read on both sides again, whichever side the event comes from. */
  readonly keepsParked: boolean;
  /** The optimistic copy reads both sides if the source's ledger knows the key. */
  readonly copyAsksLedger: boolean;
};

export const PROTOCOL: Protocol = {
  ...{
    next: nextStep,
    stray: answerStray,
    land,
    rule: applySuspicions,
    atomic: true,
    marksInHand: true,
    drains: true,
    drainsScan: true,
    drainsSilent: true,
    scanMarksBoth: true,
    drainsByLease: true,
  },
  ...{ keepsParked: true, copyAsksLedger: true },
};
