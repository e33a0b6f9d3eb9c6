import { createHash, randomBytes } from 'node:crypto';

/**
 * State of a key as the verifier reads it (L13): its type, its content in canonical parts, its absolute expiry in
 * ms. Equal contents give equal parts, whatever their encoding or insertion order. `null` = absent.
 *
 * Parts: string: the value · list: the items in order · set: the members, sorted · hash: field, value, … sorted by
 * field · zset: member, score, … in rank order, scores as shortest decimals · stream: see `readLarge` · other types:
 * their DUMP, which may differ for equal contents: a false alarm at worst, never a false peace.
 */
export type TypedState = Present | null;

export type Present = {
  readonly type: string;
  /** What the parts are made of, in the order in which the server gave it. */
  readonly elements: readonly Buffer[];
  readonly parts: readonly Buffer[];
  readonly expireAtMs: number | null;
};

/**
 * A key that changed at every attempt to read it. Its content is like no other, so that it is never equal to
 * anything and counts as changed at each look: it shows as hot, not as diverged.
 */
export function moving(): TypedState {
  const parts = [randomBytes(16)];
  return { type: 'moving', elements: parts, parts, expireAtMs: null };
}

export function sameParts(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return one.length === other.length && one.every((part, i) => same(part, other[i]!));
}

/** Most parts that differ do in length: asked first, it spares the call. */
function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && Buffer.compare(one, other) === 0;
}

/** Names a state, expiry included; tells whether a key changed between two looks without keeping its content. */
export function fingerprint(state: TypedState): string {
  if (state === null) return 'absent';
  const sha = createHash('sha256');
  sha.update(`${state.type}\n${state.expireAtMs}\n`);
  for (const part of state.parts) sha.update(`${part.length}:`).update(part);
  return sha.digest('base64');
}

/** How a key appears outside this process (L12): 12 hex digits of its sha256. */
export function shortHash(key: string): string {
  return createHash('sha256').update(key, 'latin1').digest('hex').slice(0, 12);
}
