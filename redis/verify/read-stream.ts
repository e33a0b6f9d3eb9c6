import type { Redis } from 'ioredis';

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];
type Pending = readonly [id: Buffer, consumer: Buffer, idleMs: number, deliveries: number];

/**
 * Content of a stream, under the caller's WATCH: last id; each entry as id, number of parts, fields and values; each
 * group, by name, as name, last delivered id, number of pending messages, and of each its id, consumer, deliveries.
 * Clocks (idle and seen times) and consumers without a message are no content: they change by mere reading.
 */
export async function readStream(redis: Redis, key: Buffer, piece: number): Promise<Buffer[]> {
  const info = asRecord(await redis.callBuffer('XINFO', 'STREAM', key));
  const parts = [info.get('last-generated-id') as Buffer];
  for await (const [id, fields] of entries(redis, key, piece)) {
    parts.push(id, text(fields.length), ...fields);
  }
  const groups = (await redis.callBuffer('XINFO', 'GROUPS', key)) as unknown[];
  for (const group of groups.map(asRecord).sort(byName)) {
    const name = group.get('name') as Buffer;
    const messages: Buffer[] = [];
    for await (const [id, consumer, , deliveries] of pending(redis, key, name, piece)) {
      messages.push(id, consumer, text(deliveries));
    }
    parts.push(name, group.get('last-delivered-id') as Buffer, text(messages.length / 3), ...messages);
  }
  return parts;
}

async function* entries(redis: Redis, key: Buffer, piece: number): AsyncGenerator<Entry> {
  let from = '-';
  for (;;) {
    const found = (await redis.callBuffer('XRANGE', key, from, '+', 'COUNT', piece)) as Entry[];
    yield* found;
    const last = found.at(-1);
    if (last === undefined || found.length < piece) return;
    from = `(${last[0].toString('latin1')}`;
  }
}

async function* pending(redis: Redis, key: Buffer, group: Buffer, piece: number): AsyncGenerator<Pending> {
  let from = '-';
  for (;;) {
    const found = (await redis.callBuffer('XPENDING', key, group, from, '+', piece)) as Pending[];
    yield* found;
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
