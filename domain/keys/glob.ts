/**
 * Returns the predicate of a Redis glob (`SCAN … MATCH`) over byte strings: `*`, `?`, `[abc]`, `[a-z]`, `[^x]`, `\`. It
 * takes at most pattern length × key length steps, because it retries only the last `*`.
 */
export function globMatcher(pattern: string): (key: string) => boolean {
  // For `*` SCAN does not even read the key. Every other pattern but '' refuses the empty key (Redis 7.0.15).
  if (pattern === '*') return () => true;
  const tokens = tokensOf(pattern);
  const prefix = literalPrefix(pattern);
  const prefixOnly = prefix !== '' && tokens.length === prefix.length + 1 && tokens.at(-1) === STAR;
  return prefixOnly ? (key) => key.startsWith(prefix) : (key) => matches(tokens, key);
}

/** Returns the bytes that every match of the pattern begins with. Escapes are resolved. */
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

/** One step of a glob: `STAR` matches any bytes or none, every other token matches exactly one byte. */
export type Token = typeof STAR | OneByte;

type OneByte = {
  readonly accepts: (byte: number) => boolean;
  /** The byte, when the token matches only one byte and was written without a bracket; else `null`. */
  readonly literal: string | null;
  /** The token as a pattern again. It is escaped and closed, so that it may stand next to any other pattern. */
  readonly text: string;
};

export const STAR = '*';

const ANY: OneByte = { accepts: () => true, literal: null, text: '?' };

/** Reads a pattern (byte string) as Redis does (util.c, stringmatchlen). No pattern is an error there. */
export function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const char = pattern.charAt(at);
    if (char === '[') {
      const bracket = bracketAt(pattern, at + 1);
      tokens.push(bracket.token);
      at = bracket.end;
    } else if (char === '*') {
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
      at += 1;
    } else {
      const escaped = char === '\\' && at + 1 < pattern.length;
      tokens.push(char === '?' ? ANY : literal(pattern.charAt(escaped ? at + 1 : at)));
      at += escaped ? 2 : 1;
    }
  }
  return tokens;
}

/** Returns a pattern that matches only this byte string. */
export function escapeGlob(bytes: string): string {
  return bytes.replace(/[*?[\]\\]/g, '\\$&');
}

function literal(byte: string): OneByte {
  const code = byte.charCodeAt(0);
  return { accepts: (other) => other === code, literal: byte, text: escapeGlob(byte) };
}

/**
 * Reads the bracket whose inside begins at `start`, by the rules of Redis. A `]` ends the bracket even in first place.
 * A range may end in `]` or be written backwards. An escape does not begin a range. The end of the pattern closes the
 * bracket.
 */
function bracketAt(pattern: string, start: number): { readonly token: OneByte; readonly end: number } {
  const negated = pattern[start] === '^';
  const members = new Set<number>();
  let text = negated ? '[^' : '[';
  let at = negated ? start + 1 : start;
  while (at < pattern.length && pattern[at] !== ']') {
    const left = pattern.length - at;
    if (pattern[at] !== '\\' && left >= 3 && pattern[at + 1] === '-') {
      for (const byte of rangeOf(pattern.charCodeAt(at), pattern.charCodeAt(at + 2))) members.add(byte);
      text += pattern.slice(at, at + 3);
      at += 3;
    } else {
      if (pattern[at] === '\\' && left >= 2) at += 1;
      members.add(pattern.charCodeAt(at));
      text += `\\${pattern.charAt(at)}`;
      at += 1;
    }
  }
  const accepts = (byte: number) => members.has(byte) !== negated;
  return { token: { accepts, literal: null, text: `${text}]` }, end: at + 1 };
}

/** Redis compares C chars, which are signed on x86-64: the bytes from 128 on come before NUL. */
function rangeOf(from: number, to: number): readonly number[] {
  const low = Math.min(signed(from), signed(to));
  const high = Math.max(signed(from), signed(to));
  return Array.from({ length: high - low + 1 }, (_, offset) => (low + offset) & 0xff);
}

function signed(byte: number): number {
  return byte < 0x80 ? byte : byte - 0x100;
}
