import { createHash } from 'node:crypto';

/** Random numbers that can be repeated: the same seed, family and index give the same numbers in every process. */
export type Random = {
  /** @returns a number in [0, 1) */
  next(): number;
  /** @returns an integer in [0, limit) */
  below(limit: number): number;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Buffer;
};

export function randomOf(seed: number, family = '', index = 0): Random {
  let state = createHash('sha256').update(`${seed}/${family}/${index}`).digest().readUInt32LE(0);
  // The generator is mulberry32. It is small and fast, and good enough for test data.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: (choices) => {
      const choice = choices[below(choices.length)];
      if (choice === undefined) throw new RangeError('nothing to pick from');
      return choice;
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
