import type { Redis } from 'ioredis';

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

/** Sends a command of a value's rebuilding for `key`. */
export function send(redis: Redis, key: Buffer, { words, args }: Rebuild): Promise<unknown> {
  const [name = '', ...rest] = words;
  return redis.callBuffer(name, [...rest, key, ...args]);
}
