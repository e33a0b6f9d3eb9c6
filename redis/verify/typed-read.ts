import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { Lens } from '../../domain/transform/value.ts';
import { byPlace, RoutedRedis } from '../client/cluster-client.ts';
import { keyBytes } from '../client/key-bytes.ts';
import { PackedState, type TypedState } from './typed-state.ts';
import { type LargeState, LargeStateDraft, moving } from './large-state.ts';

/**
 * The verifier's own read path. A script of its own reads content and expiry of each key of a batch in one atomic step.
 * Plain commands read large keys and streams in pieces. It uses nothing that the sync reads by: no ledger, and a DUMP
 * only for types without a plain read. Otherwise a fault in the reads of the sync could hide from the verifier.
 */

const SCRIPT = readFileSync(new URL('./whole-keys.lua', import.meta.url));
const LENGTH_BYTES = 4;

/**
 * Returns the states of about 64 keys (byte strings), in their order. On a cluster each node gets its own call.
 *
 * @param lenses the lens of each key's dataset, needed for large values; absent = the key is copied byte for byte
 * @param answered called for each answer of a server. A value of many megabytes takes many answers
 */
export async function readTyped(
  redis: Redis,
  keys: readonly string[],
  lenses: readonly (Lens | null)[] = [],
  answered: () => void = () => undefined,
): Promise<readonly TypedState[]> {
  const asked = keys.map((key, i) => ({ key, lens: lenses[i] ?? null }));
  const read = (server: Redis, mine: readonly Asked[]) => readServer(server, mine, answered);
  if (!(redis instanceof RoutedRedis)) return read(redis, asked);
  return byPlace(asked, ({ key }) => redis.nodeOf(key).redis, read);
}

type Asked = { readonly key: string; readonly lens: Lens | null };

async function readServer(
  redis: Redis,
  asked: readonly Asked[],
  answered: () => void,
): Promise<readonly TypedState[]> {
  const states: TypedState[] = [];
  while (states.length < asked.length) {
    const left = asked.slice(states.length);
    const replies = await wholeKeys(
      redis,
      left.map(({ key }) => key),
    );
    answered();
    for (const [i, reply] of replies.entries()) {
      const one = left[i] as Asked;
      if (reply.length > 1) states.push(new PackedState(reply));
      else states.push(reply.length === 0 ? null : await readLarge(redis, one, answered));
    }
  }
  return states;
}

/**
 * Runs the script. EVAL_RO works while writes are paused. The script is sent as text, so it need not be loaded first.
 * It does not use EVALSHA: by the server's time for EVALSHA the sync sizes its batches, and our calls would distort
 * that time (redis/replication/store/script-batcher.ts).
 */
function wholeKeys(redis: Redis, keys: readonly string[]): Promise<readonly Buffer[]> {
  return redis.callBuffer('EVAL_RO', SCRIPT, 0, packed(keys)) as Promise<readonly Buffer[]>;
}

function packed(keys: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(keys.reduce((size, key) => size + LENGTH_BYTES + key.length, 0));
  let at = 0;
  for (const key of keys) {
    at = bytes.writeUInt32BE(key.length, at);
    at += bytes.write(key, at, 'latin1');
  }
  return bytes;
}

/**
 * The code below reads a large key, or a stream, in pieces, so that no command blocks the server and no value blocks
 * this process. WATCH makes the pieces one state: if the key changed in between, EXEC fails and the read begins
 * again.
 */

/** One command reads at most this many bytes, by the size that the server reports for the key, and `PIECE` elements. */
const PIECE_BYTES = 1_000_000;
const PIECE = 256;
const ATTEMPTS = 3;

const reading = new WeakMap<Redis, Promise<unknown>>();

/** Reads one large key at a time on a connection. The EXEC of a second reader would end the WATCH of the first. */
function readLarge(redis: Redis, one: Asked, answered: () => void): Promise<LargeState | null> {
  const before = reading.get(redis) ?? Promise.resolve();
  const read = () => readAlone(redis, one, answered);
  const mine = before.then(read, read);
  reading.set(redis, mine);
  return mine;
}

async function readAlone(
  redis: Redis,
  { key: name, lens }: Asked,
  answered: () => void,
): Promise<LargeState | null> {
  const key = keyBytes(name);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await redis.watch(key);
    try {
      const type = String(await redis.callBuffer('TYPE', key));
      const draft = new LargeStateDraft(type, lens);
      const step = await elementsOfPiece(redis, key, type);
      for await (const piece of piecesOf(redis, key, type, step)) {
        answered();
        draft.add(piece);
      }
      const expiry = await redis.multi().callBuffer('PEXPIRETIME', key).exec();
      if (expiry === null) continue;
      if (type === 'none') return null;
      const at = BigInt(String(expiry[0]?.[1]));
      return await draft.state(at < 0n ? null : at);
    } catch (error) {
      await redis.unwatch();
      if (!isRetyped(error)) throw error;
    }
  }
  return moving();
}

/** Returns whether an error says that the key got another type, or was deleted, while its pieces were read. */
function isRetyped(error: unknown): boolean {
  return error instanceof Error && /^(WRONGTYPE|ERR no such key|NOGROUP)/.test(error.message);
}

const LENGTH_COMMANDS: Readonly<Record<string, string>> = {
  hash: 'HLEN',
  set: 'SCARD',
  list: 'LLEN',
  zset: 'ZCARD',
  stream: 'XLEN',
};

/** Returns how many elements of average size one command may read. For a list of documents of a megabyte it is one. */
async function elementsOfPiece(redis: Redis, key: Buffer, type: string): Promise<number> {
  const length = LENGTH_COMMANDS[type];
  if (length === undefined) return PIECE;
  const [bytes, count] = await Promise.all([redis.memory('USAGE', key), redis.callBuffer(length, key)]);
  const each = Math.max(1, Number(bytes ?? 0) / Math.max(1, Number(count)));
  return Math.max(1, Math.min(PIECE, Math.floor(PIECE_BYTES / each)));
}

async function* piecesOf(
  redis: Redis,
  key: Buffer,
  type: string,
  step: number,
): AsyncGenerator<readonly Buffer[]> {
  if (type === 'none') return;
  if (type === 'stream') yield* streamParts(redis, key, step);
  else if (type === 'string') yield* stringPieces(redis, key);
  else if (type === 'hash') yield* scanned(redis, 'HSCAN', key, step);
  else if (type === 'set') yield* scanned(redis, 'SSCAN', key, step);
  else if (type === 'list') yield* ranged(redis, 'LRANGE', key, [], step);
  else if (type === 'zset') yield* ranged(redis, 'ZRANGE', key, ['WITHSCORES'], step);
  else yield [(await redis.callBuffer('DUMP', key)) as Buffer];
}

async function* stringPieces(redis: Redis, key: Buffer): AsyncGenerator<readonly Buffer[]> {
  for (let from = 0; ; from += PIECE_BYTES) {
    const piece = (await redis.callBuffer('GETRANGE', key, from, from + PIECE_BYTES - 1)) as Buffer;
    yield [piece];
    if (piece.length < PIECE_BYTES) return;
  }
}

/** HSCAN and SSCAN may show an element twice; the digest skips repeated elements (large-state.ts). */
async function* scanned(
  redis: Redis,
  command: string,
  key: Buffer,
  step: number,
): AsyncGenerator<readonly Buffer[]> {
  let cursor = '0';
  do {
    const reply = (await redis.callBuffer(command, key, cursor, 'COUNT', step)) as [Buffer, Buffer[]];
    const [next, elements] = reply;
    yield elements;
    cursor = String(next);
  } while (cursor !== '0');
}

async function* ranged(
  redis: Redis,
  command: string,
  key: Buffer,
  options: string[],
  step: number,
): AsyncGenerator<readonly Buffer[]> {
  for (let from = 0; ; from += step) {
    const piece = (await redis.callBuffer(command, key, from, from + step - 1, ...options)) as Buffer[];
    if (piece.length === 0) return;
    yield piece;
  }
}

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];
type Pending = readonly [id: Buffer, consumer: Buffer, idleMs: number, deliveries: number];

/**
 * Yields the content of a stream. The caller holds a WATCH on the key. The parts come in this order:
 *
 * - the last id;
 * - each entry: id, number of parts, fields and values;
 * - each group, ordered by name: name, last delivered id, number of pending messages;
 * - after each group its pending messages: id, consumer, number of deliveries.
 *
 * Clocks (idle and seen times) and consumers without a message are not content, because mere reading changes them.
 */
export async function* streamParts(
  redis: Redis,
  key: Buffer,
  piece: number,
): AsyncGenerator<readonly Buffer[]> {
  const info = asRecord(await redis.callBuffer('XINFO', 'STREAM', key));
  yield [info.get('last-generated-id') as Buffer];
  for await (const found of entries(redis, key, piece))
    yield found.flatMap(([id, fields]) => [id, text(fields.length), ...fields]);
  const groups = (await redis.callBuffer('XINFO', 'GROUPS', key)) as unknown[];
  for (const group of groups.map(asRecord).sort(byName)) {
    const name = group.get('name') as Buffer;
    yield [name, group.get('last-delivered-id') as Buffer, text(group.get('pending') as number)];
    for await (const found of pending(redis, key, name, piece))
      yield found.flatMap(([id, consumer, , deliveries]) => [id, consumer, text(deliveries)]);
  }
}

async function* entries(redis: Redis, key: Buffer, piece: number): AsyncGenerator<readonly Entry[]> {
  let from = '-';
  for (;;) {
    const found = (await redis.callBuffer('XRANGE', key, from, '+', 'COUNT', piece)) as Entry[];
    if (found.length > 0) yield found;
    const last = found.at(-1);
    if (last === undefined || found.length < piece) return;
    from = `(${last[0].toString('latin1')}`;
  }
}

async function* pending(
  redis: Redis,
  key: Buffer,
  group: Buffer,
  piece: number,
): AsyncGenerator<readonly Pending[]> {
  let from = '-';
  for (;;) {
    const found = (await redis.callBuffer('XPENDING', key, group, from, '+', piece)) as Pending[];
    if (found.length > 0) yield found;
    const last = found.at(-1);
    if (last === undefined || found.length < piece) return;
    from = `(${last[0].toString('latin1')}`;
  }
}

function asRecord(reply: unknown): Map<string, unknown> {
  const flat = reply as unknown[];
  const record = new Map<string, unknown>();
  for (let i = 0; i < flat.length; i += 2) record.set(String(flat[i]), flat[i + 1]);
  return record;
}

function byName(one: Map<string, unknown>, other: Map<string, unknown>): number {
  return Buffer.compare(one.get('name') as Buffer, other.get('name') as Buffer);
}

function text(count: number): Buffer {
  return Buffer.from(String(count));
}
