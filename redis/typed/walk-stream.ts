import type { Redis } from 'ioredis';
import { type Rebuild, rebuild } from './rebuild.ts';

type Entry = readonly [id: Buffer, parts: readonly Buffer[]];
type Pending = readonly [id: Buffer, consumer: Buffer, idleMs: number, deliveries: number];

/**
 * A stream as the commands that rebuild it: entries with their ids, counters, groups with consumers and what is
 * pending there. A message can be pending though its entry was deleted: XCLAIM takes only what is there, so such an
 * entry is put in its place for a moment.
 */
export async function* walkStream(redis: Redis, key: Buffer, step: number): AsyncGenerator<Rebuild> {
  const pages: Pages = (command, count) => pagesOf(redis, command, [...count, String(step)]);
  const stream = record(await redis.callBuffer('XINFO', ['STREAM', key]));
  const groups = ((await redis.callBuffer('XINFO', ['GROUPS', key])) as unknown[]).map(record);
  const gone = await deletedButPending(redis, key, groups, pages);
  const last = text(stream.get('last-generated-id'));
  if (Number(stream.get('length')) === 0 && !gone.includes(last)) gone.push(last === '0-0' ? '0-1' : last);
  yield* entries(key, gone, pages);
  for (const group of groups) yield* groupOf(redis, key, group, pages);
  for (const id of gone) yield rebuild('XDEL', [id]);
  const counters = ['ENTRIESADDED', text(stream.get('entries-added'))];
  yield rebuild('XSETID', [last, ...counters, 'MAXDELETEDID', text(stream.get('max-deleted-entry-id'))]);
}

/** Ids must grow, so the ones in place of deleted entries come in between. */
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
  for await (const [id, consumer, idleMs, deliveries] of pages<Pending>(['XPENDING', key, name], [])) {
    const at = String(Date.now() - Number(idleMs));
    const claim = [name, consumer, '0', id, 'TIME', at, 'RETRYCOUNT', text(deliveries), 'FORCE', 'JUSTID'];
    yield { ...rebuild('XCLAIM', claim), content: [name, consumer, id, text(deliveries)] };
  }
}

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
/** Answers of a command that takes a range of ids and a count. */
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

/** Ids are two 64-bit numbers. */
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
