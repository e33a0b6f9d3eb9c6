import { STAR, tokensOf, type Token } from './glob-tokens.ts';

/**
 * The predicate of a Redis glob (`SCAN … MATCH`) over byte strings: `*`, `?`, `[abc]`, `[a-z]`, `[^x]`, `\`.
 * At worst pattern length × key length steps: only the last `*` is ever tried again.
 */
export function globMatcher(pattern: string): (key: string) => boolean {
  // SCAN does not even look at the key then; every other pattern but '' refuses the empty key (Redis 7.0.15).
  if (pattern === '*') return () => true;
  const tokens = tokensOf(pattern);
  const prefix = literalPrefix(pattern);
  const prefixOnly = prefix !== '' && tokens.length === prefix.length + 1 && tokens.at(-1) === STAR;
  return prefixOnly ? (key) => key.startsWith(prefix) : (key) => matches(tokens, key);
}

/** The bytes that every match of the pattern begins with, escapes resolved. */
export function literalPrefix(pattern: string): string {
  let prefix = '';
  for (const token of tokensOf(pattern)) {
    if (token === STAR || token.literal === null) break;
    prefix += token.literal;
  }
  return prefix;
}

function matches(tokens: readonly Token[], key: string): boolean {
  if (key === '') return tokens.length === 0;
  let position = 0;
  let at = 0;
  let star = -1;
  let starEndsAt = 0;
  while (at < key.length) {
    const token = tokens[position];
    if (token === STAR) {
      star = position++;
      starEndsAt = at;
    } else if (token?.accepts(key.charCodeAt(at))) {
      position += 1;
      at += 1;
    } else if (star >= 0) {
      position = star + 1;
      at = ++starEndsAt;
    } else {
      return false;
    }
  }
  return position === tokens.length || (position === tokens.length - 1 && tokens[position] === STAR);
}
