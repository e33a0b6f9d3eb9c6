import { ABSENT, CONTENT_BYTES, type Digest, type LedgerEntry } from '../../../domain/protocol/protocol.ts';
import type { Side } from '../../../domain/plan/plan.ts';

/**
 * A content is a small number: 0 = absent, n = the value of write n, n + `MORTAL` = the same value with an expiry. Each
 * side has its own digest for it, as with a transform, so that a mix-up of the sides shows.
 */
export type Content = number;

export const MORTAL = 8;
/** The clock of a server before and after the one moment at which all keys with an expiry expire, ms. */
export const CLOCK_MS = [500, 1_500] as const;
const EXPIRES_AT = '\0\0\0\0\0\0\x03\xe8';
const NEVER = '\xff'.repeat(8);

const spell = (letter: string) =>
  Array.from({ length: 2 * MORTAL }, (_, content): Digest => {
    if (content === 0) return ABSENT;
    return `${letter}${'.'.repeat(CONTENT_BYTES - 2)}${(content % MORTAL).toString(16)}${content > MORTAL ? EXPIRES_AT : NEVER}`;
  });

const DIGESTS: Readonly<Record<Side, readonly Digest[]>> = { source: spell('s'), target: spell('t') };
const CONTENTS = {
  source: new Map(DIGESTS.source.map((digest, content) => [digest, content])),
  target: new Map(DIGESTS.target.map((digest, content) => [digest, content])),
};

export function digestOf(side: Side, content: Content): Digest {
  return DIGESTS[side][content] as Digest;
}

export function contentOf(side: Side, digest: Digest): Content {
  const content = CONTENTS[side].get(digest);
  if (content === undefined) throw new Error(`no state of the ${side}: ${JSON.stringify(digest)}`);
  return content;
}

/** A stamp as one char, for 31 writes of each attempt. These stamps have the same order as the real ones. */
export function stampOf(token: number, counter: number): string {
  if (counter > 31) throw new Error('more writes of one attempt than a stamp can count');
  return String.fromCharCode(token * 32 + counter);
}

/** All that tells two entries apart: one char for the stamp, one for the states and one for `ours`. */
export function spellEntry(entry: LedgerEntry | null): string {
  if (!entry) return '\0\0';
  const states = contentOf('source', entry.source) * 16 + contentOf('target', entry.target);
  return entry.stamp + String.fromCharCode(states) + (entry.ours ? '+' : '-');
}
