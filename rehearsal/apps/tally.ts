import type { Side } from '../../domain/side.ts';

/** Numbers of the apps' traffic so far; shown live and in the end. */
export type TallyNumbers = {
  readonly acknowledged: Readonly<Record<Side, number>>;
  /** Answered NOPERM: nothing was written, the app tried again where the authority is. */
  readonly refused: number;
  /** Longest time from the first attempt to the OK, ms. */
  readonly longestWaitMs: number;
  /** Live sessions that an app found gone although nobody had ended them. */
  readonly vanished: number;
};

export type Tally = {
  /** The next number of a write. */
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
