import type { FencingToken } from '../../../domain/authority/fencing-token.ts';

let number = 0;

/** Returns a token that is greater than all tokens before it in this process. */
export function nextToken(): FencingToken {
  return { number: ++number, attempt: 1 };
}
