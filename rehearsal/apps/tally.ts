import type { Side } from '../../domain/plan/plan.ts';

/** Figures of the apps' traffic so far. They are shown during the rehearsal and at its end. */
export type TallyNumbers = {
  readonly acknowledged: Readonly<Record<Side, number>>;
  /**
   * Writes that were answered NOPERM. Nothing was written, and the app tried again on the side that has the authority.
   */
  readonly refused: number;
  /** The longest time from the first attempt at a write to its OK, ms. */
  readonly longestWaitMs: number;
  /** Live sessions that an app found missing although no app had ended them. */
  readonly vanished: number;
};

export type Tally = {
  /** @returns the next number for a write */
  number(): number;
  acknowledged(side: Side): void;
  refused(): void;
  waited(ms: number): void;
  vanished(): void;
  numbers(): TallyNumbers;
};

export function createTally(): Tally {
  let last = 0;
  let refused = 0;
  let longestWaitMs = 0;
  let vanished = 0;
  const acknowledged = { source: 0, target: 0 };
  return {
    number: () => ++last,
    acknowledged: (side) => void acknowledged[side]++,
    refused: () => void refused++,
    waited: (ms) => {
      longestWaitMs = Math.max(longestWaitMs, ms);
    },
    vanished: () => void vanished++,
    numbers: () => ({ acknowledged: { ...acknowledged }, refused, longestWaitMs, vanished }),
  };
}
