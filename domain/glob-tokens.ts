/** One step of a glob: `STAR` (any bytes, none included), or something that takes exactly one byte. */
export type Token = typeof STAR | OneByte;

export type OneByte = {
  readonly accepts: (byte: number) => boolean;
  /** The byte, when only one is possible and no bracket was used. */
  readonly literal: string | null;
  /** The token as a pattern again: escaped and closed, so that it may stand next to anything. */
  readonly text: string;
};

export const STAR = '*';

const ANY: OneByte = { accepts: () => true, literal: null, text: '?' };

/** Reads a pattern (byte string) as Redis does (util.c, stringmatchlen); every pattern means something there. */
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

/** A pattern that matches this byte string alone. */
export function escapeGlob(bytes: string): string {
  return bytes.replace(/[*?[\]\\]/g, '\\$&');
}

function literal(byte: string): OneByte {
  const code = byte.charCodeAt(0);
  return { accepts: (other) => other === code, literal: byte, text: escapeGlob(byte) };
}

/**
 * The bracket whose inside begins at `start`. Redis' own reading: `]` ends it even in first place, a range may
 * end in `]` or be written backwards, an escape does not begin a range, the end of the pattern closes it.
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

/** Redis compares C chars, which are signed on x86-64: the bytes from 128 on stand before NUL. */
function rangeOf(from: number, to: number): readonly number[] {
  const low = Math.min(signed(from), signed(to));
  const high = Math.max(signed(from), signed(to));
  return Array.from({ length: high - low + 1 }, (_, offset) => (low + offset) & 0xff);
}

function signed(byte: number): number {
  return byte < 0x80 ? byte : byte - 0x100;
}
