/** Splits a list into three parts for tests that run side by side. Each takes every third item. */
export const THIRDS = ['first', 'second', 'third'] as const;

export type Third = (typeof THIRDS)[number];

/** Returns every third item, beginning with the first, the second or the third one. */
export function everyThird<T>(items: readonly T[], from: Third): readonly T[] {
  return items.filter((_item, i) => THIRDS[i % THIRDS.length] === from);
}
