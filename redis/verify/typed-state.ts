import { createHash } from 'node:crypto';

/**
 * State of a key as the verifier reads it: type, content and absolute expiry in ms. `null` = the key is absent. A small
 * value is in memory (`PackedState`). Of a large value only digests are in memory (`LargeState`).
 */
export type TypedState = Present | null;

export type Present = {
  readonly type: string;
  readonly expireAtMs: bigint | null;
  /** Equal contents of one type and size class have equal digests, whatever their encoding or insertion order. */
  contentDigest(): Buffer;
};

/** Returns whether two lists of parts are equal byte for byte. */
export function sameParts(one: readonly Uint8Array[], other: readonly Uint8Array[]): boolean {
  return one.length === other.length && one.every((part, i) => same(part, other[i]!));
}

/** Most parts that differ have different lengths. We compare the lengths first, because that saves the call. */
function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && Buffer.compare(one, other) === 0;
}

/**
 * Returns a digest of a state with its expiry. It shows whether a key changed between two reads; no content is kept.
 */
export function fingerprint(state: TypedState): string {
  if (state === null) return 'absent';
  const sha = createHash('sha256').update(`${state.type}\n${state.expireAtMs}\n`);
  return sha.update(state.contentDigest()).digest('base64');
}

/**
 * Returns the form in which a key may leave this process, because keys hold personal data: 12 hex digits of its
 * SHA-256.
 */
export function shortHash(key: string): string {
  return createHash('sha256').update(key, 'latin1').digest('hex').slice(0, 12);
}

/** Bytes in front of the content: the letter of the type, then 8 bytes of expiry. */
const HEAD = 9;
const STRING = 's'.charCodeAt(0);
const TYPES: Readonly<Record<string, string>> = { s: 'string', h: 'hash', l: 'list', e: 'set', z: 'zset' };

/**
 * A state as redis/verify/whole-keys.lua packed it. Two states with the same bytes are equal, and most keys need no
 * other comparison. So the parts are unpacked only when they are needed.
 */
export class PackedState implements Present {
  readonly packed: Buffer;

  constructor(packed: Buffer) {
    this.packed = packed;
  }

  get type(): string {
    return TYPES[String.fromCharCode(this.packed[0] as number)] as string;
  }

  get expireAtMs(): bigint | null {
    const ms = this.packed.readBigInt64BE(1);
    return ms < 0n ? null : ms;
  }

  /** The elements in the order in which the server returned them. */
  get elements(): readonly Buffer[] {
    const content = this.packed.subarray(HEAD);
    return this.packed[0] === STRING ? [content] : elementsOf(content);
  }

  /**
   * The canonical parts. String: the value · list: the items in order · set: the members, sorted · hash: field,
   * value, … sorted by field · zset: member, score, … in rank order, scores as shortest decimals.
   */
  get parts(): readonly Buffer[] {
    return canonical(this.type, this.elements);
  }

  contentDigest(): Buffer {
    const sha = createHash('sha256');
    for (const part of this.parts) sha.update(`${part.length}:`).update(part);
    return sha.digest();
  }
}

/**
 * Decodes an array of strings in MessagePack (its specification: fixarray, array 16, array 32 of fixstr, str 8, str 16,
 * str 32).
 */
function elementsOf(bytes: Buffer): readonly Buffer[] {
  const first = bytes[0] as number;
  let at = first < 0xa0 ? 1 : first === 0xdc ? 3 : 5;
  const count = first < 0xa0 ? first - 0x90 : bytes.readUIntBE(1, at - 1);
  const elements = new Array<Buffer>(count);
  for (let i = 0; i < count; i++) {
    const head = bytes[at++] as number;
    const width = head < 0xc0 ? 0 : head === 0xd9 ? 1 : head === 0xda ? 2 : 4;
    const start = at + width;
    at = start + (width === 0 ? head - 0xa0 : bytes.readUIntBE(at, width));
    elements[i] = bytes.subarray(start, at);
  }
  return elements;
}

/** Returns the canonical parts of a small value. `flat`: the elements as the server returned them. */
export function canonical(type: string, flat: readonly Buffer[]): readonly Buffer[] {
  if (type === 'hash') return sortedTuples(flat, 2);
  if (type === 'set') return sortedTuples(flat, 1);
  if (type === 'zset') return normalisedScores(flat);
  return flat;
}

/** Fields and members come in no fixed order, so we sort them by their bytes. Each value stays with its field. */
function sortedTuples(flat: readonly Buffer[], width: number): Buffer[] {
  const tuples: Buffer[][] = [];
  for (let i = 0; i < flat.length; i += width) tuples.push(flat.slice(i, i + width));
  return tuples.sort((one, other) => Buffer.compare(one[0]!, other[0]!)).flat();
}

function normalisedScores(flat: readonly Buffer[]): Buffer[] {
  return flat.map((part, i) => (i % 2 === 0 ? part : canonicalScore(part)));
}

/** Normalises a score. Servers print the same double in several ways (`0.1`, `0.10000000000000001`, `-0`). */
export function canonicalScore(part: Buffer): Buffer {
  const text = part.toString('latin1');
  if (/^[+-]?inf/i.test(text)) return Buffer.from(text.startsWith('-') ? '-inf' : 'inf');
  return Buffer.from(String(Number(text)));
}
