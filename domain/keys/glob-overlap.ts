import { literalPrefix, STAR, tokensOf, type Token } from './glob.ts';

/** Enough for any plan that a person writes. Beyond it the answer is `unknown`, never a guess. */
const MAX_STATES = 5_000;

export type Overlap =
  | { readonly kind: 'none' }
  /** A shortest byte string that matches all the patterns and none of the excludes. */
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'unknown' };

/** For each glob, the token positions that it may be at after the bytes read so far. */
type Reading = readonly (readonly number[])[];

/**
 * Searches for a non-empty key that matches every pattern and no exclude. The search is breadth first over all globs at
 * once.
 */
export function commonKey(patterns: readonly string[], excludes: readonly string[]): Overlap {
  const globs = [...patterns, ...excludes].map(tokensOf);
  const bytes = representatives(globs);
  const accepted = (reading: Reading) =>
    reading.every(
      (positions, index) => positions.includes(globs[index]?.length ?? 0) === index < patterns.length,
    );
  const start: Reading = globs.map((tokens) => withSkippedStars(tokens, [0]));
  const seen = new Set([JSON.stringify(start)]);
  const queue: { readonly reading: Reading; readonly key: string }[] = [{ reading: start, key: '' }];
  for (const { reading, key } of queue) {
    for (const byte of bytes) {
      const next = reading.map((positions, index) => step(globs[index] ?? [], positions, byte));
      const state = JSON.stringify(next);
      const dead = next.some((positions, index) => index < patterns.length && positions.length === 0);
      if (accepted(next)) return { kind: 'key', key: key + String.fromCharCode(byte) };
      if (dead || seen.has(state)) continue;
      if (seen.size >= MAX_STATES) return { kind: 'unknown' };
      seen.add(state);
      queue.push({ reading: next, key: key + String.fromCharCode(byte) });
    }
  }
  return { kind: 'none' };
}

function step(tokens: readonly Token[], positions: readonly number[], byte: number): readonly number[] {
  const next = positions.flatMap((position) => {
    const token = tokens[position];
    if (token === STAR) return [position];
    return token?.accepts(byte) ? [position + 1] : [];
  });
  return withSkippedStars(tokens, next);
}

function withSkippedStars(tokens: readonly Token[], positions: readonly number[]): readonly number[] {
  const skipped = positions.filter((position) => tokens[position] === STAR).map((position) => position + 1);
  return [...new Set([...positions, ...skipped])].sort((one, other) => one - other);
}

/**
 * Returns one byte for each set of bytes that every token treats alike. Letters come first, so that an example reads
 * well.
 */
function representatives(globs: readonly (readonly Token[])[]): readonly number[] {
  const tokens = globs.flat().filter((token) => token !== STAR);
  const single = new Set(tokens.flatMap(({ literal }) => (literal === null ? [] : [literal.charCodeAt(0)])));
  const sets = tokens.filter(({ literal }) => literal === null);
  const bySignature = new Map<string, number>();
  for (let offset = 0; offset < 256; offset++) {
    const byte = (0x61 + offset) & 0xff;
    // A byte that a token names is alike to no other byte, whatever the sets make of it.
    const signature = single.has(byte)
      ? `=${byte}`
      : sets.map((token) => (token.accepts(byte) ? '1' : '0')).join('');
    if (!bySignature.has(signature)) bySignature.set(signature, byte);
  }
  return [...bySignature.values()];
}

/**
 * A pattern that is compared with many others.
 *
 * - `begins`, `ends`: the bytes with which every match begins and ends.
 */
export type ComparedGlob = {
  readonly pattern: string;
  readonly tokens: readonly Token[];
  readonly begins: string;
  readonly ends: string;
};

export function comparedGlob(pattern: string): ComparedGlob {
  const tokens = tokensOf(pattern);
  return { pattern, tokens, begins: literalPrefix(pattern), ends: literalEnd(tokens) };
}

function literalEnd(tokens: readonly Token[]): string {
  let text = '';
  for (const token of tokens.toReversed()) {
    if (token === STAR || token.literal === null) break;
    text = token.literal + text;
  }
  return text;
}

/**
 * Returns false when no key at all matches both patterns. It is much faster than `commonKey`, so it comes before it
 * where many patterns are compared, each with each.
 */
export function mayShareKey(one: ComparedGlob, other: ComparedGlob): boolean {
  if (!one.begins.startsWith(other.begins) && !other.begins.startsWith(one.begins)) return false;
  if (!one.ends.endsWith(other.ends) && !other.ends.endsWith(one.ends)) return false;
  return sharesText(one.tokens, other.tokens);
}

/** `reached[j]`: some text takes the first glob to the position of this row, and the second one to `j`. */
function sharesText(one: readonly Token[], other: readonly Token[]): boolean {
  let above: readonly boolean[] = [];
  for (let i = 0; i <= one.length; i++) {
    const reached: boolean[] = [];
    for (let j = 0; j <= other.length; j++) {
      const [a, b] = [one[i - 1], other[j - 1]];
      // A star ends here, or the star of the other glob takes the byte. A bracket may be empty and accept none.
      const byFirst = above[j] === true && (a === STAR || (other[j] === STAR && acceptAlike(a, a)));
      const bySecond = reached[j - 1] === true && (b === STAR || (one[i] === STAR && acceptAlike(b, b)));
      const byBoth = above[j - 1] === true && acceptAlike(a, b);
      reached.push((i === 0 && j === 0) || byFirst || bySecond || byBoth);
    }
    above = reached;
  }
  return above[other.length] === true;
}

/** Returns true when one byte fits both tokens. */
function acceptAlike(one: Token | undefined, other: Token | undefined): boolean {
  if (one === undefined || other === undefined || one === STAR || other === STAR) return false;
  if (one.literal !== null) return other.accepts(one.literal.charCodeAt(0));
  if (other.literal !== null) return one.accepts(other.literal.charCodeAt(0));
  for (let byte = 0; byte < 256; byte++) if (one.accepts(byte) && other.accepts(byte)) return true;
  return false;
}
