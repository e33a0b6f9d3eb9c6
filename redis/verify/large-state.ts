import { createHash, type Hash, hash, randomBytes } from 'node:crypto';
import type { Lens } from '../../domain/transform/value.ts';
import { canonicalScore, PackedState, type Present, type TypedState } from './typed-state.ts';
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * State of a key that is too large to be held in memory: one digest of its content as stored, and one in V2 form. A
 * type without a plain read is compared by its DUMP, which may differ for equal contents. That can raise a false
 * alarm, but it cannot hide a difference.
 */
export class LargeState implements Present {
  readonly type: string;
  readonly expireAtMs: bigint | null;
  readonly #content: Buffer;
  readonly #lifted: Buffer | null;

  constructor(type: string, expireAtMs: bigint | null, content: Buffer, lifted: Buffer | null) {
    this.type = type;
    this.expireAtMs = expireAtMs;
    this.#content = content;
    this.#lifted = lifted;
  }

  contentDigest(): Buffer {
    return this.#content;
  }

  /** Returns whether both are equal in V2 form. A value that the transform refuses equals nothing. */
  sameContent(other: LargeState): boolean {
    return this.#lifted !== null && other.#lifted !== null && this.#lifted.equals(other.#lifted);
  }
}

/** Builds a `LargeState` from the pieces of a key. Call `add` for each piece, then `state` once. */
export class LargeStateDraft {
  readonly #type: string;
  readonly #content: LargeContent;
  readonly #lifted: LargeContent | null;

  /** @param lens of the dataset; `null` = the dataset is copied byte for byte */
  constructor(type: string, lens: Lens | null) {
    this.#type = type;
    this.#content = largeContent(type, null);
    this.#lifted = lens && (type === 'string' || type === 'hash') ? largeContent(type, lens) : null;
  }

  add(elements: readonly Buffer[]): void {
    this.#content.add(elements);
    this.#lifted?.add(elements);
  }

  async state(expireAtMs: bigint | null): Promise<LargeState> {
    const content = (await this.#content.digest()) as Buffer;
    const lifted = this.#lifted ? await this.#lifted.digest() : content;
    return new LargeState(this.#type, expireAtMs, content, lifted);
  }
}

/**
 * Returns two copies of a key in the same form. One copy may be just above the size limit and the other just below it;
 * then the small copy is turned into a `LargeState` too.
 */
export async function inOneForm(
  lens: Lens | null,
  source: TypedState,
  target: TypedState,
): Promise<readonly [TypedState, TypedState]> {
  if (source instanceof LargeState && target instanceof PackedState)
    return [source, await asLarge(target, lens)];
  if (target instanceof LargeState && source instanceof PackedState)
    return [await asLarge(source, lens), target];
  return [source, target];
}

function asLarge(small: PackedState, lens: Lens | null): Promise<LargeState> {
  const draft = new LargeStateDraft(small.type, lens);
  draft.add(small.elements);
  return draft.state(small.expireAtMs);
}

/**
 * State of a key that changed during every attempt to read it. Its content digest is random, so the key never equals
 * another and counts as changed at each read. Therefore it is reported as hot, not as diverged.
 */
export function moving(): LargeState {
  return new LargeState('moving', null, randomBytes(16), null);
}

/**
 * Computes the content digest of a large key, piece by piece. Equal contents have equal digests, whatever their
 * encoding and the order in which a server returns their elements. Of a set or hash it keeps 32 bytes for each
 * element. Only a document that must be transformed is kept whole.
 */
type LargeContent = {
  /** Takes elements as the server returned them. A field and its value, or a member and its score, come in one call. */
  add(elements: readonly Buffer[]): void;
  /** Call once, at the end. `null`: the transform refuses the value, which then equals nothing. */
  digest(): Promise<Buffer | null>;
};

/** The transform needs a whole document in memory. The sync does not copy a larger one either (docs/limits.md). */
const MOST_LENSED_BYTES = 16 * 1024 * 1024;

/**
 * Makes the digest for a type of value.
 *
 * @param lens `null`: digest the content as stored; else in V2 form
 */
export function largeContent(type: string, lens: Lens | null): LargeContent {
  if (type === 'hash') return new UnorderedContent(2, lens);
  if (type === 'set') return new UnorderedContent(1, null);
  if (type === 'string') return lens ? new DocumentContent(lens) : new OrderedContent(type);
  return new OrderedContent(type);
}

class OrderedContent implements LargeContent {
  readonly #type: string;
  readonly #sha: Hash;

  constructor(type: string) {
    this.#type = type;
    this.#sha = createHash('sha256').update(`${type}:`);
  }

  add(elements: readonly Buffer[]): void {
    for (const [i, element] of elements.entries()) {
      const bytes = this.#type === 'zset' && i % 2 === 1 ? canonicalScore(element) : element;
      // All pieces of a string are one element, so no length stands between them.
      if (this.#type !== 'string') this.#sha.update(`${bytes.length}:`);
      this.#sha.update(bytes);
    }
  }

  digest(): Promise<Buffer> {
    return Promise.resolve(this.#sha.digest());
  }
}

class DocumentContent implements LargeContent {
  readonly #lens: Lens;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(lens: Lens) {
    this.#lens = lens;
  }

  add(elements: readonly Buffer[]): void {
    for (const piece of elements) {
      this.#bytes += piece.length;
      if (this.#bytes <= MOST_LENSED_BYTES) this.#pieces.push(piece);
      else this.#pieces.length = 0;
    }
  }

  digest(): Promise<Buffer | null> {
    if (this.#bytes > MOST_LENSED_BYTES) return Promise.resolve(null);
    const lensed = this.#lens.up({ kind: 'string', bytes: Buffer.concat(this.#pieces) });
    if (!lensed.ok || lensed.value.kind !== 'string') return Promise.resolve(null);
    return Promise.resolve(hash('sha256', lensed.value.bytes, 'buffer'));
  }
}

/** Bytes that we keep of the digest of a name, and of the digest of a value. */
const HALF = 16;
const PARTS = 256;
/** After a part with more elements than this, other work of the event loop gets a turn. */
const TURN = 256;

/**
 * Content of a hash or a set. Fields and members come in no fixed order, and a scan may show one twice. So each element
 * becomes a record: a digest of its name and a digest of its value. At the end the records are sorted, and a repeated
 * one is skipped. They are sorted in 256 parts, so that a sort of a million records does not block the event loop.
 */
class UnorderedContent implements LargeContent {
  readonly #width: 1 | 2;
  readonly #lens: Lens | null;
  /** The records, by the first byte of the name's digest. */
  readonly #parts = Array.from({ length: PARTS }, () => new Records(2 * HALF));
  #refused = false;

  constructor(width: 1 | 2, lens: Lens | null) {
    this.#width = width;
    this.#lens = lens;
  }

  add(elements: readonly Buffer[]): void {
    for (let i = 0; i < elements.length && !this.#refused; i += this.#width) {
      const name = elements[i] as Buffer;
      const value = this.#width === 2 ? (elements[i + 1] as Buffer) : NOTHING;
      for (const [inForm, content] of this.#formOf(name, value)) this.#keep(inForm, content);
    }
  }

  /**
   * Transforms one field. The transform treats fields separately, unless two get the same name: `digest` finds those.
   */
  #formOf(name: Buffer, value: Buffer): readonly (readonly [Uint8Array, Uint8Array])[] {
    if (!this.#lens) return [[name, value]];
    const lensed = this.#lens.up({ kind: 'hash', fields: [[name, value]] });
    if (lensed.ok && lensed.value.kind === 'hash') return lensed.value.fields;
    this.#refused = true;
    return [];
  }

  #keep(name: Uint8Array, value: Uint8Array): void {
    const [one, other] = [hash('sha256', name, 'binary'), hash('sha256', value, 'binary')];
    this.#parts[one.charCodeAt(0)]?.add(one.slice(0, HALF) + other.slice(0, HALF));
  }

  async digest(): Promise<Buffer | null> {
    const sha = createHash('sha256');
    for (const part of this.#parts) {
      const sorted = part.sorted();
      let before = '';
      for (const one of sorted) {
        if (one === before) continue;
        // One name has two values: the transform gives the same name to two fields.
        if (before !== '' && one.startsWith(before.slice(0, HALF))) this.#refused = true;
        sha.update(one, 'latin1');
        before = one;
      }
      if (sorted.length > TURN) await nextTurn();
    }
    return this.#refused ? null : sha.digest();
  }
}

const NOTHING = Buffer.alloc(0);

/**
 * A list of byte strings of the same length, in one Buffer. As separate strings they would take five times the
 * memory.
 */
class Records {
  readonly #width: number;
  #bytes = NOTHING;
  #length = 0;

  constructor(width: number) {
    this.#width = width;
  }

  add(record: string): void {
    if (this.#length === this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes], Math.max(8 * this.#width, 2 * this.#bytes.length));
    this.#length += this.#bytes.write(record, this.#length, 'latin1');
  }

  sorted(): string[] {
    const records: string[] = [];
    for (let at = 0; at < this.#length; at += this.#width)
      records.push(this.#bytes.toString('latin1', at, at + this.#width));
    return records.sort();
  }
}
