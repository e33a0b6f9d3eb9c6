import { createHash, hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { knowsFieldTtls } from '../client/capabilities.ts';
import { hasPieces, rebuild, type Rebuild, ValueMoved, readInChunks } from '../client/chunked-read.ts';

const ATTEMPTS = 5;
const LANES = 8;
const LANE = 2 ** 32;

/**
 * Returns a digest of a value. Where Redis keeps no order, the digest does not depend on the order. It is needed where
 * DUMP differs for equal values: equal sets and hashes give different bytes after a mere reload, and another engine may
 * write every value differently. The value is read in pieces, and nothing is kept or sorted, so a large value blocks
 * neither the server nor this process.
 *
 * @returns `null` when the key is absent, has a type that only a module understands, or changed during every attempt
 */
export async function contentDigest(redis: Redis, key: Buffer): Promise<Buffer | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const type = await redis.type(key);
    if (!hasPieces(type)) return null;
    try {
      const content = contentOf(type);
      const fieldTtls = type === 'hash' && (await hasFieldTtls(redis));
      for await (const piece of readInChunks({ redis, key, type, fieldTtls })) content.add(piece);
      return content.digest();
    } catch (error) {
      if (!(error instanceof ValueMoved)) throw error;
    }
  }
  return null;
}

/** Returns the same digest, for a set or a hash without field TTLs that is small enough for one command. */
export async function smallTableDigest(redis: Redis, key: Buffer, type: 'set' | 'hash'): Promise<Buffer> {
  const [read, put] = type === 'set' ? ['SMEMBERS', 'SADD'] : ['HGETALL', 'HSET'];
  const content = contentOf(type);
  content.add(rebuild(put, (await redis.callBuffer(read, [key])) as Buffer[]));
  return content.digest();
}

/** Returns the length that precedes a part, in 4 bytes. With it `ab`+`c` and `a`+`bc` differ. */
export function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(part.length);
  return length;
}

const KNOWN = new WeakMap<Redis, Promise<boolean>>();

function hasFieldTtls(redis: Redis): Promise<boolean> {
  const known = KNOWN.get(redis) ?? knowsFieldTtls(redis);
  KNOWN.set(redis, known);
  return known;
}

type Content = { add(piece: Rebuild): void; digest(): Buffer };

function contentOf(type: string): Content {
  return type === 'set' || type === 'hash' ? unordered(type) : ordered(type);
}

function ordered(type: string): Content {
  const sha = createHash('sha256').update(type);
  return {
    add({ words, args, content = args }) {
      for (const [at, part] of content.entries()) {
        const bytes = Buffer.from(words[0] === 'ZADD' && at % 2 === 0 ? plainScore(part) : part);
        // All pieces of a string are one element, so no length stands between them.
        sha.update(words[0] === 'APPEND' ? bytes : Buffer.concat([lengthOf(bytes), bytes]));
      }
    },
    digest: () => sha.digest(),
  };
}

/** Adds up the digests of all elements, in lanes of 32 bits. A sum does not depend on the order. */
function unordered(type: string): Content {
  const sums = new Float64Array(LANES);
  return {
    add({ words, args }) {
      const [word = ''] = words;
      const width = word === 'HSET' ? 2 : word === 'SADD' ? 1 : args.length;
      for (let from = 0; from < args.length; from += width) {
        const element = hash('sha256', elementOf(word, args, from, from + width), 'buffer');
        for (let lane = 0; lane < LANES; lane++)
          sums[lane] = ((sums[lane] ?? 0) + element.readUInt32LE(4 * lane)) % LANE;
      }
    },
    digest() {
      const sha = createHash('sha256').update(type);
      for (const sum of sums) sha.update(`${sum};`);
      return sha.digest();
    },
  };
}

let scratch = Buffer.alloc(4_096);

/** Encodes one element in a shared buffer; a new one would cost more than the sum. It is valid until the next call. */
function elementOf(word: string, args: readonly (Buffer | string)[], from: number, to: number): Buffer {
  let most = word.length;
  for (let i = from; i < to; i++) most += 4 + (args[i]?.length ?? 0);
  if (scratch.length < most) scratch = Buffer.alloc(2 * most);
  let at = scratch.write(word, 'latin1');
  for (let i = from; i < to; i++) {
    const part = args[i] ?? '';
    at = scratch.writeUInt32LE(part.length, at);
    at += typeof part === 'string' ? scratch.write(part, at, 'latin1') : part.copy(scratch, at);
  }
  return scratch.subarray(0, at);
}

/** Normalises a score, because engines print the same double differently. */
function plainScore(part: Buffer | string): string {
  return String(Number(String(part).replace('inf', 'Infinity')));
}
