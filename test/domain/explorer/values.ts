import { ABSENT, type Digest } from '../../../domain/digest.ts';
import type { LedgerEntry } from '../../../domain/ledger-entry.ts';
import type { Side } from '../../../domain/side.ts';

/**
 * A content is a small number: 0 absent, n the value of write n, n + `MORTAL` the same value with an expiry. The two sides
 * spell it differently, as the transform does, so that a mix-up of sides shows.
 */
export type Content = number;

export const MORTAL = 8;
/** Clock of a server before and after the one moment at which everything mortal expires, ms. */
export const CLOCK_MS = [500, 1_500] as const;
const EXPIRES_AT = '\0\0\0\0\0\0\x03\xe8';
const NEVER = '\xff'.repeat(8);

const spell = (letter: string) =>
  Array.from({ length: 2 * MORTAL }, (_, content): Digest => {
    if (content === 0) return ABSENT;
    return `${letter}${'.'.repeat(6)}${(content % MORTAL).toString(16)}${content > MORTAL ? EXPIRES_AT : NEVER}`;
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

/** Stamps of at most 7 attempts with 31 writes each, as one char: ordered like the bytes of the real ones. */
export function stampOf(token: number, counter: number): string {
  return String.fromCharCode(token * 32 + counter);
}

/** Two chars below 256 and one for the stamp: all that tells two entries apart. */
export function spellEntry(entry: LedgerEntry | null): string {
  if (!entry) return '\0\0';
  const states = contentOf('source', entry.source) * 16 + contentOf('target', entry.target);
  return entry.stamp + String.fromCharCode(states) + (entry.ours ? '+' : '-');
}
