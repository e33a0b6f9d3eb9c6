/**
 * Reads a large key, or a stream, in pieces: no single command holds up the server (L14). WATCH makes the pieces one
 * state: had the key changed in between, EXEC says so and the read begins anew.
 */
import type { Redis } from 'ioredis';
import { canonical } from './canonical-parts.ts';
import { readStream } from './read-stream.ts';
import { moving, type TypedState } from './typed-state.ts';

/** Bytes of a string and elements of anything else that one command reads. */
const PIECE_BYTES = 1_000_000;
const PIECE = 256;
const ATTEMPTS = 3;

const reading = new WeakMap<Redis, Promise<unknown>>();

/** One key at a time on a connection: the EXEC of a second reader would end the WATCH of the first. */
export function readLarge(redis: Redis, key: Buffer): Promise<TypedState> {
  const before = reading.get(redis) ?? Promise.resolve();
  const mine = before.then(
    () => readAlone(redis, key),
    () => readAlone(redis, key),
  );
  reading.set(redis, mine);
  return mine;
}

async function readAlone(redis: Redis, key: Buffer): Promise<TypedState> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await redis.watch(key);
    try {
      const type = String(await redis.callBuffer('TYPE', key));
      const parts = await piecesOf(redis, key, type);
      const expiry = await redis.multi().callBuffer('PEXPIRETIME', key).exec();
      if (expiry !== null) return stateOf(type, parts, Number(expiry[0]?.[1]));
    } catch (error) {
      await redis.unwatch();
      if (!isRetyped(error)) throw error;
    }
  }
  return moving();
}

function stateOf(type: string, elements: readonly Buffer[], expiry: number): TypedState {
  if (type === 'none') return null;
  return { type, elements, parts: canonical(type, elements), expireAtMs: expiry < 0 ? null : expiry };
}

/** The key was replaced by one of another type, or deleted, while its pieces were read. */
function isRetyped(error: unknown): boolean {
  return error instanceof Error && /^(WRONGTYPE|ERR no such key|NOGROUP)/.test(error.message);
}

async function piecesOf(redis: Redis, key: Buffer, type: string): Promise<Buffer[]> {
  if (type === 'none') return [];
  if (type === 'stream') return readStream(redis, key, PIECE);
  if (type === 'string') return [await readString(redis, key)];
  if (type === 'hash') return scanned(redis, 'HSCAN', key, 2);
  if (type === 'set') return scanned(redis, 'SSCAN', key, 1);
  if (type === 'list') return ranged(redis, 'LRANGE', key, []);
  if (type === 'zset') return ranged(redis, 'ZRANGE', key, ['WITHSCORES']);
  return [(await redis.callBuffer('DUMP', key)) as Buffer];
}

async function readString(redis: Redis, key: Buffer): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let from = 0; ; from += PIECE_BYTES) {
    const piece = (await redis.callBuffer('GETRANGE', key, from, from + PIECE_BYTES - 1)) as Buffer;
    pieces.push(piece);
    if (piece.length < PIECE_BYTES) return Buffer.concat(pieces);
  }
}

/** HSCAN and SSCAN may show an element twice, hence the map. `width` 2: element and value. */
async function scanned(redis: Redis, command: string, key: Buffer, width: 1 | 2): Promise<Buffer[]> {
  const tuples = new Map<string, Buffer[]>();
  let cursor = '0';
  do {
    const reply = (await redis.callBuffer(command, key, cursor, 'COUNT', PIECE)) as [Buffer, Buffer[]];
    const [next, flat] = reply;
    for (let i = 0; i < flat.length; i += width) {
      tuples.set(flat[i]!.toString('latin1'), flat.slice(i, i + width));
    }
    cursor = String(next);
  } while (cursor !== '0');
  return [...tuples.values()].flat();
}

async function ranged(redis: Redis, command: string, key: Buffer, options: string[]): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for (let from = 0; ; from += PIECE) {
    const piece = (await redis.callBuffer(command, key, from, from + PIECE - 1, ...options)) as Buffer[];
    if (piece.length === 0) return parts;
    for (const part of piece) parts.push(part);
  }
}
