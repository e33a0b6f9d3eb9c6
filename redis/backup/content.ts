import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

type Reply = Buffer | number | null | readonly Reply[];

/**
 * Digest of a value that knows no order where Redis keeps none. Needed where DUMP differs: equal sets and hashes
 * give different bytes after a mere reload. Reads the whole value; memory is bounded by the largest one.
 *
 * @returns `null` when the key is absent, or of a type that only a module understands
 */
export async function contentDigest(redis: Redis, key: Buffer): Promise<Buffer | null> {
  const type = await redis.type(key);
  const parts = await partsOf(redis, key, type);
  if (parts === null) return null;
  const hash = createHash('sha256').update(type);
  for (const part of parts) hash.update(lengthOf(part)).update(part);
  return hash.digest();
}

/** Length in front of each part, so that `ab`+`c` and `a`+`bc` differ. */
export function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(part.length);
  return length;
}

async function partsOf(redis: Redis, key: Buffer, type: string): Promise<readonly Buffer[] | null> {
  const ask = async (...words: [string, ...(string | Buffer)[]]) =>
    (await redis.callBuffer(...words)) as unknown as readonly Buffer[];
  switch (type) {
    case 'string': {
      const value = await redis.getBuffer(key);
      return value === null ? null : [value];
    }
    case 'list':
      return ask('LRANGE', key, '0', '-1');
    case 'set':
      return [...(await ask('SMEMBERS', key))].sort(Buffer.compare);
    case 'hash':
      return sortedPairs(await ask('HGETALL', key));
    case 'zset':
      return sortedPairs((await ask('ZRANGE', key, '0', '-1', 'WITHSCORES')).map(plainScore));
    case 'stream':
      return streamParts((await redis.callBuffer('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0')) as Reply);
    default:
      return null;
  }
}

/** Engines spell the same double differently. */
function plainScore(part: Buffer, index: number): Buffer {
  return index % 2 === 0 ? part : Buffer.from(String(Number(part.toString().replace('inf', 'Infinity'))));
}

function sortedPairs(flat: readonly Buffer[]): Buffer[] {
  const pairs: [Buffer, Buffer][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return pairs.sort((one, other) => Buffer.compare(one[0], other[0])).flat();
}

/** How the server stores a stream and when a consumer was last seen are no content. */
const NO_CONTENT = new Set(['radix-tree-keys', 'radix-tree-nodes', 'seen-time', 'active-time']);

function streamParts(reply: Reply): Buffer[] {
  if (!Array.isArray(reply)) return [Buffer.from(String(reply))];
  const parts: Buffer[] = [Buffer.from(`[${reply.length}`)];
  for (let i = 0; i < reply.length; i++) {
    const item = reply[i] as Reply;
    if (Buffer.isBuffer(item)) {
      if (NO_CONTENT.has(item.toString('latin1'))) i++;
      else parts.push(item);
    } else parts.push(...streamParts(item));
  }
  return parts;
}
