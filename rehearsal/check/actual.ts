import type { ChainableCommander, Redis } from 'ioredis';

/** The value and expiry that a store holds under a key, as bytes. */
export type Actual = {
  readonly value: ActualValue;
  /** Absolute expiry, ms since the epoch; `null` = never. */
  readonly expiresAt: number | null;
};

export type ActualValue =
  | { readonly type: 'string'; readonly bytes: Buffer }
  | { readonly type: 'hash'; readonly fields: readonly Buffer[] }
  | { readonly type: 'zset'; readonly members: readonly Buffer[] }
  | { readonly type: 'set'; readonly members: readonly Buffer[] }
  | { readonly type: 'list'; readonly items: readonly Buffer[] }
  | { readonly type: 'other'; readonly name: string };

const BATCH = 500;

/** Reads keys (byte strings) with plain commands, in batches. `null` = the key is missing. */
export async function* readAll(
  redis: Redis,
  keys: readonly string[],
): AsyncGenerator<[string, Actual | null]> {
  for (let from = 0; from < keys.length; from += BATCH) {
    const batch = keys.slice(from, from + BATCH);
    const heads = redis.pipeline();
    for (const key of batch) heads.type(bytesOf(key)).call('PEXPIRETIME', bytesOf(key));
    const answers = await repliesOf(heads);
    const types = batch.map((_, at) => String(answers[2 * at]));
    const values = redis.pipeline();
    batch.forEach((key, at) => ask(values, bytesOf(key), types[at] ?? 'none'));
    const found = await repliesOf(values);
    for (const [at, key] of batch.entries())
      yield [key, asActual(types[at] ?? 'none', Number(answers[2 * at + 1]), found[at])];
  }
}

/** Reads all keys of a database with SCAN. */
export async function* readAllKeys(redis: Redis): AsyncGenerator<string> {
  for await (const batch of redis.scanBufferStream({ count: 1_000 })) {
    for (const key of batch as Buffer[]) yield key.toString('latin1');
  }
}

function ask(pipeline: ChainableCommander, key: Buffer, type: string): void {
  switch (type) {
    case 'string':
      return void pipeline.getBuffer(key);
    case 'hash':
      return void pipeline.callBuffer('HGETALL', key);
    case 'zset':
      return void pipeline.callBuffer('ZRANGE', key, 0, -1, 'WITHSCORES');
    case 'set':
      return void pipeline.smembersBuffer(key);
    case 'list':
      return void pipeline.lrangeBuffer(key, 0, -1);
    default:
      return void pipeline.exists(key);
  }
}

function asActual(type: string, expireTime: number, found: unknown): Actual | null {
  // The key may have expired between the two reads. Then the value is empty, or the expiry says that the key is
  // missing.
  if (type === 'none' || expireTime === -2 || found === null) return null;
  const expiresAt = expireTime === -1 ? null : expireTime;
  if (type === 'string' && Buffer.isBuffer(found)) return { value: { type, bytes: found }, expiresAt };
  if (!Array.isArray(found)) return { value: { type: 'other', name: type }, expiresAt };
  if (found.length === 0) return null;
  const parts = found as Buffer[];
  switch (type) {
    case 'hash':
      return { value: { type, fields: parts }, expiresAt };
    case 'zset':
    case 'set':
      return { value: { type, members: parts }, expiresAt };
    case 'list':
      return { value: { type, items: parts }, expiresAt };
    default:
      return { value: { type: 'other', name: type }, expiresAt };
  }
}

async function repliesOf(pipeline: ChainableCommander): Promise<unknown[]> {
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}
