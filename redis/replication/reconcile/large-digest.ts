import { createHash, type Hash, hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CONTENT_BYTES } from '../../../domain/protocol/protocol.ts';
import { byteString } from '../../client/key-bytes.ts';
import type { Rebuild } from '../../client/chunked-read.ts';

/** Computes the content of a state, 16 bytes as a byte string, from the pieces of a walk over the value. */
export type LargeContent = { add(piece: Rebuild): void; digest(): Promise<string> };

/**
 * The content of a large value. For sets and hashes it is the content that redis/scripts/prelude.lua computes, which
 * does not depend on the order of the elements: so a key keeps its state when it grows large or becomes small. For
 * other types it is a digest over the elements, which does not depend on where a piece ends.
 *
 * @param type as the command TYPE names it
 */
export function contentOf(type: string): LargeContent {
  return type === 'set' || type === 'hash' ? unordered(type) : ordered(type);
}

function ordered(type: string): LargeContent {
  const sha = createHash('sha256').update(`${type}:`);
  return {
    add({ words, args, content = args }) {
      // In a stream each command stands for itself, so its words and the number of its arguments count. In other types
      // the number of elements in a piece depends only on where the walk cut the value, so it does not count.
      if (type === 'stream') sha.update(`${words.join(' ')} ${content.length};`);
      for (const part of content) {
        // The length in front keeps two elements from running into each other. A string is one element in several
        // pieces, so its pieces have no length.
        if (words[0] !== 'APPEND') sha.update(`${Buffer.byteLength(part)}:`);
        sha.update(part);
      }
    },
    digest: () => Promise.resolve(frontOf(sha)),
  };
}

function unordered(type: 'set' | 'hash'): LargeContent {
  const digests = new Digests();
  // The walk gives the expiries of fields directly after the piece with these fields. So `add` keeps a piece, and
  // `settle` digests it with its expiries when the next piece or the end has come.
  let fields: readonly Buffer[] = [];
  const ttls = new Map<string, string>();
  const settle = () => {
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const name = fields[i] as Buffer;
      const ms = ttls.size > 0 ? ttls.get(byteString(name)) : undefined;
      digests.add(name, ms === undefined ? '' : `@${ms}`, fields[i + 1] as Buffer);
    }
    fields = [];
    ttls.clear();
  };
  return {
    add({ words, args }) {
      if (words[0] === 'SADD') {
        for (const member of args as Buffer[]) digests.add(member, '', NOTHING);
      } else if (words[0] === 'HSET') {
        settle();
        fields = args as Buffer[];
      } else {
        const [ms = '', , , field] = args as [string, string, string, Buffer];
        ttls.set(byteString(field), ms);
      }
    },
    async digest() {
      settle();
      const sha = createHash('sha1').update(`${type}:`);
      await digests.addTo(sha);
      return frontOf(sha);
    },
  };
}

const NOTHING = Buffer.alloc(0);
const PARTS = 256;

/**
 * The digests of all elements, 16 bytes each. They are divided into 256 parts by their first byte. Each part is sorted
 * when all digests are there.
 */
class Digests {
  readonly #parts: { bytes: Buffer; length: number }[] = Array.from({ length: PARTS }, () => ({
    bytes: NOTHING,
    length: 0,
  }));
  /** One buffer that all elements use in turn: a million new buffers cost more than the digests. */
  #scratch = Buffer.alloc(4_096);

  /** Adds the digest of an element; see `content_of_table` in redis/scripts/prelude.lua. */
  add(name: Buffer, expiry: string, value: Buffer): void {
    const most = 48 + name.length + value.length;
    if (this.#scratch.length < most) this.#scratch = Buffer.alloc(2 * most);
    const head = this.#scratch.write(`${name.length}${expiry}:`, 'latin1');
    name.copy(this.#scratch, head);
    value.copy(this.#scratch, head + name.length);
    const element = this.#scratch.subarray(0, head + name.length + value.length);
    this.#keep(hash('sha1', element, 'buffer'));
  }

  #keep(digest: Buffer): void {
    const part = this.#parts[digest[0] as number] as { bytes: Buffer; length: number };
    if (part.length === part.bytes.length)
      part.bytes = Buffer.concat([part.bytes], Math.max(64, 2 * part.bytes.length));
    digest.copy(part.bytes, part.length, 0, CONTENT_BYTES);
    part.length += CONTENT_BYTES;
  }

  /**
   * Gives all digests to `sha` in order, as hexadecimal digits. With a million elements each part takes some ms, so
   * other work gets a turn of the event loop between two parts.
   */
  async addTo(sha: Hash): Promise<void> {
    for (const { bytes, length } of this.#parts) {
      const texts: string[] = [];
      for (let at = 0; at < length; at += CONTENT_BYTES)
        texts.push(bytes.toString('hex', at, at + CONTENT_BYTES));
      sha.update(texts.sort().join(''));
      if (texts.length > TURN) await nextTurn();
    }
  }
}

/** After a part with more elements than this, other work gets a turn of the event loop. */
const TURN = 256;

/** The first 16 bytes of a digest, as a byte string. */
function frontOf(sha: Hash): string {
  return byteString(sha.digest().subarray(0, CONTENT_BYTES));
}
