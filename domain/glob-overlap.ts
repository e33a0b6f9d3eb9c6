import { STAR, tokensOf, type Token } from './glob-tokens.ts';

/** Enough for any plan written by hand; beyond it the answer is `unknown`, never a guess. */
const MAX_STATES = 5_000;

export type Overlap =
  | { readonly kind: 'none' }
  /** A shortest byte string that matches all the patterns and none of the excludes. */
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'unknown' };

/** For each glob the positions that it may stand at after the bytes so far. */
type Reading = readonly (readonly number[])[];

/** Looks for a non-empty key that matches every pattern and no exclude: breadth first over all readings at once. */
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

/** One byte for each set of bytes that no token tells apart; letters first, so that an example reads well. */
function representatives(globs: readonly (readonly Token[])[]): readonly number[] {
  const tokens = globs.flat().filter((token) => token !== STAR);
  const bySignature = new Map<string, number>();
  for (let offset = 0; offset < 256; offset++) {
    const byte = (0x61 + offset) & 0xff;
    const signature = tokens.map((token) => (token.accepts(byte) ? '1' : '0')).join('');
    if (!bySignature.has(signature)) bySignature.set(signature, byte);
  }
  return [...bySignature.values()];
}
