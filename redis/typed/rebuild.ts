/** One command that puts a piece of a value in place: `words`, then the key, then `args`. */
export type Rebuild = {
  readonly words: readonly string[];
  readonly args: readonly (Buffer | string)[];
  /** What of it is content, where not all of `args` is: clocks are none. */
  readonly content?: readonly (Buffer | string)[];
};

export function rebuild(words: string, args: readonly (Buffer | string)[]): Rebuild {
  return { words: words.split(' '), args };
}
