import type { Redis } from 'ioredis';
import { type Rebuild, rebuild } from './rebuild.ts';
import { walkStream } from './walk-stream.ts';

/** Bytes of one piece: no reply of ours keeps the server from its apps for long (L14). */
export const PIECE_BYTES = 65_536;
const MOST_ELEMENTS = 256;

/** The key changed while it was read, or its table was being moved: the walk begins anew. */
export class Unsteady extends Error {
  override readonly name = 'Unsteady';
}

export type Walk = {
  readonly redis: Redis;
  readonly key: Buffer;
  /** As TYPE says. */
  readonly type: string;
  /** Whether the server knows TTLs of hash fields. */
  readonly fieldTtls: boolean;
};

const WITH_PIECES: ReadonlySet<string> = new Set(['string', 'list', 'zset', 'set', 'hash', 'stream']);

/** Whether commands can read values of that type in pieces; those of a module's types only a DUMP can. */
export function hasPieces(type: string): boolean {
  return WITH_PIECES.has(type);
}

/**
 * Reads a key of any type that has pieces, of any size, as the commands that rebuild it. The caller holds a WATCH on the key:
 * its EXEC proves that the pieces are of one state.
 *
 * @throws Unsteady an element was seen twice, or the key has another type by now
 */
export async function* walk(one: Walk): AsyncGenerator<Rebuild> {
  try {
    yield* walkOf(one);
  } catch (error) {
    if (error instanceof Error && /^(WRONGTYPE|ERR no such key|NOGROUP)/.test(error.message))
      throw new Unsteady('the key has another type by now', { cause: error });
    throw error;
  }
}

function walkOf(one: Walk): AsyncGenerator<Rebuild> {
  if (one.type === 'string') return walkString(one);
  if (one.type === 'list') return walkRange(one, 'LLEN', 'LRANGE', 'RPUSH');
  if (one.type === 'zset') return walkRange(one, 'ZCARD', 'ZRANGE', 'ZADD');
  if (one.type === 'set') return walkTable(one, 'SCARD', 'SSCAN', 'SADD');
  if (one.type === 'hash') return walkTable(one, 'HLEN', 'HSCAN', 'HSET');
  if (one.type === 'stream') return walkWholeStream(one);
  throw new Error(`values of type ${one.type} have no pieces`);
}

async function* walkWholeStream(one: Walk): AsyncGenerator<Rebuild> {
  yield* walkStream(one.redis, one.key, await elementsOfPiece(one, 'XLEN'));
}

async function* walkString({ redis, key }: Walk): AsyncGenerator<Rebuild> {
  for (let from = 0; ; from += PIECE_BYTES) {
    const piece = (await redis.callBuffer('GETRANGE', [key, from, from + PIECE_BYTES - 1])) as Buffer;
    if (piece.length > 0) yield rebuild('APPEND', [piece]);
    if (piece.length < PIECE_BYTES) return;
  }
}

async function* walkRange(one: Walk, length: string, range: string, put: string): AsyncGenerator<Rebuild> {
  const { redis, key } = one;
  const step = await elementsOfPiece(one, length);
  const scores = range === 'ZRANGE' ? ['WITHSCORES'] : [];
  for (let from = 0; ; from += step) {
    const piece = (await redis.callBuffer(range, [key, from, from + step - 1, ...scores])) as Buffer[];
    if (piece.length === 0) return;
    yield rebuild(put, scores.length > 0 ? scoresFirst(piece) : piece);
  }
}

/** ZRANGE gives member, score; ZADD takes score, member. The score stays to the letter. */
export function scoresFirst(pairs: readonly Buffer[]): Buffer[] {
  const flat: Buffer[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) flat.push(pairs[i + 1] as Buffer, pairs[i] as Buffer);
  return flat;
}

/** SCAN shows each element at least once; as many as there are: each once. */
async function* walkTable(one: Walk, length: string, scan: string, put: string): AsyncGenerator<Rebuild> {
  const { redis, key } = one;
  const step = await elementsOfPiece(one, length);
  const width = put === 'HSET' ? 2 : 1;
  let [cursor, seen] = ['0', 0];
  do {
    const reply = await redis.callBuffer(scan, [key, cursor, 'COUNT', step]);
    const [next, piece] = reply as [Buffer, Buffer[]];
    cursor = next.toString();
    if (piece.length === 0) continue;
    seen += piece.length / width;
    yield rebuild(put, piece);
    if (width === 2 && one.fieldTtls) yield* fieldTtls(one, piece);
  } while (cursor !== '0');
  if (seen !== Number(await redis.call(length, [key]))) throw new Unsteady('an element was seen twice');
}

/** Absolute expiries of the fields that have one (L4). */
async function* fieldTtls({ redis, key }: Walk, pairs: readonly Buffer[]): AsyncGenerator<Rebuild> {
  const fields = pairs.filter((_part, i) => i % 2 === 0);
  const args = [key, 'FIELDS', fields.length, ...fields];
  const at = (await redis.call('HPEXPIRETIME', args)) as number[];
  for (const [i, field] of fields.entries()) {
    const ms = at[i] ?? -1;
    if (ms === -2) throw new Unsteady('a field expired');
    if (ms >= 0) yield rebuild('HPEXPIREAT', [String(ms), 'FIELDS', '1', field]);
  }
}

async function elementsOfPiece({ redis, key }: Walk, length: string): Promise<number> {
  const [bytes, count] = await Promise.all([redis.memory('USAGE', key), redis.call(length, [key])]);
  const each = Math.max(1, Number(bytes ?? 0) / Math.max(1, Number(count)));
  return Math.max(1, Math.min(MOST_ELEMENTS, Math.floor(PIECE_BYTES / each)));
}
