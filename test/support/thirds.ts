/** For what goes side by side: each takes every third of a list. */
export const THIRDS = ['first', 'second', 'third'] as const;

export type Third = (typeof THIRDS)[number];

/** Every third item, from the first, the second or the third on. */
export function everyThird<T>(items: readonly T[], from: Third): readonly T[] {
  return items.filter((_item, i) => THIRDS[i % THIRDS.length] === from);
}
