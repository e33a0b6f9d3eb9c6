/**
 * The order of the steps that raise and lower fences or move the authority. The greater token counts, and a step with a
 * smaller one is refused: a stale attempt must not write.
 *
 * The token contains no clock. After a clock that was ahead once, the stores would refuse every step until the time has
 * caught up. With a clock that was set back, a stopped attempt could write again.
 */
export type FencingToken = {
  /** Number of the step. The stores count it up (`nextFencingNumber`), once for each step that the workflow orders. */
  readonly number: number;
  /**
   * Number of the attempt at that step, from 1. Temporal counts it up. An attempt is refused once a later one has
   * begun.
   */
  readonly attempt: number;
};

/** Numbers have at most 15 digits, so that JavaScript and Lua hold each of them exactly. */
export const GREATEST_NUMBER = 999_999_999_999_999;
const TOKEN = /^(\d{1,15})(?:-(\d{1,15}))?$/;

/**
 * Formats a token for a store and for the name of a connection. `redis/scripts/raise-lease.lua` reads this format too.
 */
export function tokenText({ number, attempt }: FencingToken): string {
  return `${number}-${attempt}`;
}

/** Parses a token. A missing text, and a text that we did not write, give a token that is less than every real one. */
export function readToken(text: string | null): FencingToken {
  const [, number = '0', attempt = '0'] = TOKEN.exec(text ?? '') ?? [];
  return { number: Number(number), attempt: Number(attempt) };
}

export function isAfter(one: FencingToken, other: FencingToken): boolean {
  return one.number === other.number ? one.attempt > other.attempt : one.number > other.number;
}
