import type { Redis } from 'ioredis';
import { clockOf } from './server-info.ts';

/** Bytes of one piece. A larger reply would keep the server from its apps for too long. */
export const PIECE_BYTES = 65_536;
const MOST_ELEMENTS = 256;

/** The key changed while it was read, or the server was resizing its hash table. The caller starts the read again. */
export class ValueMoved extends Error {
  override readonly name = 'ValueMoved';
}

type Walk = {
  readonly redis: Redis;
  readonly key: Buffer;
  /** The type of the value, as TYPE returns it. */
  readonly type: string;
  /** Whether the server supports TTLs of hash fields. */
  readonly fieldTtls: boolean;
};

const WITH_PIECES: ReadonlySet<string> = new Set(['string', 'list', 'zset', 'set', 'hash', 'stream']);

/** Returns whether commands can read values of this type in pieces. Only DUMP can read the types of a module. */
export function hasPieces(type: string): boolean {
  return WITH_PIECES.has(type);
}

/**
 * Reads a value of any size and yields the commands that rebuild it. `hasPieces` must accept the type. The caller holds
 * a WATCH on the key, and its EXEC then proves that all pieces belong to one state of the key.
 *
 * @throws ValueMoved when an element was seen twice, a field expired, or the key has another type by now
 */
export async function* readInChunks(one: Walk): AsyncGenerator<Rebuild> {
  try {
    yield* walkOf(one);
  } catch (error) {
    throw asValueMoved(error);
  }
}

/**
 * Returns the length of a string in bytes. The caller holds a WATCH on the key.
 *
 * @throws ValueMoved when the key has another type by now
 */
export async function stringLength(redis: Redis, key: Buffer): Promise<number> {
  return redis.strlen(key).catch((error: unknown) => {
    throw asValueMoved(error);
  });
}

/** Turns an error into `ValueMoved` if it says that the key has another type by now, or is gone. */
function asValueMoved(error: unknown): unknown {
  const moved = error instanceof Error && /^(WRONGTYPE|ERR no such key|NOGROUP)/.test(error.message);
  return moved ? new ValueMoved('the key has another type by now', { cause: error }) : error;
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

/** Swaps each pair: ZRANGE returns member, score; ZADD takes score, member. The text of a score does not change. */
export function scoresFirst(pairs: readonly Buffer[]): Buffer[] {
  const flat: Buffer[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) flat.push(pairs[i + 1] as Buffer, pairs[i] as Buffer);
  return flat;
}

/** SCAN shows each element at least once. If it shows as many elements as the value has, it showed each one once. */
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
  if (seen !== Number(await redis.call(length, [key]))) throw new ValueMoved('an element was seen twice');
}

/** Yields the absolute expiry of each field that has one. */
async function* fieldTtls({ redis, key }: Walk, pairs: readonly Buffer[]): AsyncGenerator<Rebuild> {
  const fields = pairs.filter((_part, i) => i % 2 === 0);
  const args = [key, 'FIELDS', fields.length, ...fields];
  const at = (await redis.call('HPEXPIRETIME', args)) as (number | string)[];
  for (const [i, field] of fields.entries()) {
    const ms = String(at[i] ?? -1);
    if (ms === '-2') throw new ValueMoved('a field expired');
    if (ms !== '-1') yield rebuild('HPEXPIREAT', [ms, 'FIELDS', '1', field]);
  }
}

async function elementsOfPiece({ redis, key }: Walk, length: string): Promise<number> {
  const [bytes, count] = await Promise.all([redis.memory('USAGE', key), redis.call(length, [key])]);
  const each = Math.max(1, Number(bytes ?? 0) / Math.max(1, Number(count)));
  return Math.max(1, Math.min(MOST_ELEMENTS, Math.floor(PIECE_BYTES / each)));
}

/** One command that writes a piece of a value: `words`, then the key, then `args`. */
export type Rebuild = {
  readonly words: readonly string[];
  readonly args: readonly (Buffer | string)[];
  /** The arguments that are content. Absent = all of `args`. Clock values, such as idle times, are not content. */
  readonly content?: readonly (Buffer | string)[];
};

/** Makes a `Rebuild`; `words` is the command, such as `XGROUP CREATE`. */
export function rebuild(words: string, args: readonly (Buffer | string)[]): Rebuild {
  return { words: words.split(' '), args };
}

type Entry = readonly [id: Buffer, parts: readonly Buffer[]];
type Pending = readonly [id: Buffer, consumer: Buffer, idleMs: number, deliveries: number];

/**
 * Yields the commands that rebuild a stream: entries with their ids, counters, groups with their consumers and pending
 * messages. Two cases need a placeholder, an entry that is added first and removed at the end:
 *
 * - A message can be pending although its entry was deleted. XCLAIM takes only messages whose entry exists.
 * - A stream can have no entries. Only an entry creates the key and keeps its last id.
 *
 * If no entry of the stream was ever deleted, XTRIM removes the placeholders. XDEL would set the greatest id of a
 * deleted entry, and no command resets that id.
 */
async function* walkStream(redis: Redis, key: Buffer, step: number): AsyncGenerator<Rebuild> {
  const pages: Pages = (command, count) => pagesOf(redis, command, [...count, String(step)]);
  const stream = record(await redis.callBuffer('XINFO', ['STREAM', key]));
  const groups = ((await redis.callBuffer('XINFO', ['GROUPS', key])) as unknown[]).map(record);
  const gone = await deletedButPending(redis, key, groups, pages);
  const last = text(stream.get('last-generated-id'));
  const length = text(stream.get('length'));
  // A last id of 0-0 means that the stream never held an entry. XADD refuses the id 0-0.
  if (length === '0' && !gone.includes(last)) gone.push(last === '0-0' ? '0-1' : last);
  yield* entries(key, gone, pages);
  for (const group of groups) yield* groupOf(redis, key, group, pages);
  if (gone.length > 0 && areOldest(gone, stream)) yield rebuild('XTRIM', ['MAXLEN', length]);
  else for (const id of gone) yield rebuild('XDEL', [id]);
  yield counters(stream);
}

/** Returns whether XTRIM can remove the placeholders: all are older than the entries, and no entry was ever deleted. */
function areOldest(gone: readonly string[], stream: Map<string, unknown>): boolean {
  if (text(stream.get('max-deleted-entry-id')) !== '0-0') return false;
  const [first] = (stream.get('first-entry') ?? []) as readonly unknown[];
  return first === undefined || gone.every((id) => byId(id, text(first)) < 0);
}

/** Yields only the parts of a stream that change without an event: counters, last id and groups. */
export async function* walkGroups(redis: Redis, key: Buffer, step: number): AsyncGenerator<Rebuild> {
  const pages: Pages = (command, count) => pagesOf(redis, command, [...count, String(step)]);
  yield counters(record(await redis.callBuffer('XINFO', ['STREAM', key])));
  for (const group of ((await redis.callBuffer('XINFO', ['GROUPS', key])) as unknown[]).map(record))
    yield* groupOf(redis, key, group, pages);
}

function counters(stream: Map<string, unknown>): Rebuild {
  const added = ['ENTRIESADDED', text(stream.get('entries-added'))];
  const deleted = ['MAXDELETEDID', text(stream.get('max-deleted-entry-id'))];
  return rebuild('XSETID', [text(stream.get('last-generated-id')), ...added, ...deleted]);
}

/** Yields the entries and the placeholders (`gone`) together in the order of their ids, because ids must grow. */
async function* entries(key: Buffer, gone: readonly string[], pages: Pages): AsyncGenerator<Rebuild> {
  const places = [...gone].sort(byId);
  const place = (id: string) => rebuild('XADD', [id, '', '']);
  for await (const [id, parts] of pages<Entry>(['XRANGE', key], ['COUNT'])) {
    while (places[0] !== undefined && byId(places[0], text(id)) < 0) yield place(places.shift() as string);
    yield rebuild('XADD', [id, ...parts]);
  }
  for (const id of places) yield place(id);
}

async function* groupOf(
  redis: Redis,
  key: Buffer,
  group: Map<string, unknown>,
  pages: Pages,
): AsyncGenerator<Rebuild> {
  const name = group.get('name') as Buffer;
  const read = group.get('entries-read');
  const counter = read === null || read === undefined ? [] : ['ENTRIESREAD', text(read)];
  yield rebuild('XGROUP CREATE', [name, text(group.get('last-delivered-id')), ...counter]);
  const consumers = (await redis.callBuffer('XINFO', ['CONSUMERS', key, name])) as unknown[];
  for (const consumer of consumers.map(record))
    yield rebuild('XGROUP CREATECONSUMER', [name, consumer.get('name') as Buffer]);
  // The server measures idle times by its own clock, so we compute the time of delivery by that clock.
  const aheadMs = (await clockOf(redis)) - performance.now();
  for await (const [id, consumer, idleMs, deliveries] of pages<Pending>(['XPENDING', key, name], [])) {
    const at = String(Math.round(performance.now() + aheadMs) - Number(idleMs));
    const claim = [name, consumer, '0', id, 'TIME', at, 'RETRYCOUNT', text(deliveries), 'FORCE', 'JUSTID'];
    yield { ...rebuild('XCLAIM', claim), content: [name, consumer, id, text(deliveries)] };
  }
}

/** Returns the ids of messages that are pending in a group although their entries were deleted. */
async function deletedButPending(
  redis: Redis,
  key: Buffer,
  groups: readonly Map<string, unknown>[],
  pages: Pages,
): Promise<string[]> {
  const gone = new Set<string>();
  for (const group of groups) {
    for await (const [id] of pages<Pending>(['XPENDING', key, group.get('name') as Buffer], [])) {
      const found = (await redis.callBuffer('XRANGE', [key, id, id])) as unknown[];
      if (found.length === 0) gone.add(text(id));
    }
  }
  return [...gone];
}

type Ranged = readonly [id: Buffer, ...rest: unknown[]];
type Command = readonly [string, ...Buffer[]];
/** Yields the replies of a command that takes a range of ids and a count, page by page. */
type Pages = <T extends Ranged>(command: Command, count: readonly string[]) => AsyncGenerator<T>;

async function* pagesOf<T extends Ranged>(
  redis: Redis,
  [name, ...key]: Command,
  count: readonly string[],
): AsyncGenerator<T> {
  const step = Number(count.at(-1));
  for (let from = '-'; ; ) {
    const found = (await redis.callBuffer(name, [...key, from, '+', ...count])) as T[];
    yield* found;
    const end = found.at(-1);
    if (end === undefined || found.length < step) return;
    from = `(${text(end[0])}`;
  }
}

/** Compares two ids of a stream. An id is two 64-bit numbers. */
function byId(one: string, other: string): number {
  const [a, b] = [one, other].map((id) => id.split('-').map(BigInt)) as [bigint[], bigint[]];
  const [high, low] = [(a[0] ?? 0n) - (b[0] ?? 0n), (a[1] ?? 0n) - (b[1] ?? 0n)];
  const order = high === 0n ? low : high;
  return order < 0n ? -1 : order > 0n ? 1 : 0;
}

function record(reply: unknown): Map<string, unknown> {
  const flat = reply as unknown[];
  const pairs = new Map<string, unknown>();
  for (let i = 0; i < flat.length; i += 2) pairs.set(String(flat[i]), flat[i + 1]);
  return pairs;
}

function text(value: unknown): string {
  return value instanceof Buffer ? value.toString('latin1') : String(value);
}
