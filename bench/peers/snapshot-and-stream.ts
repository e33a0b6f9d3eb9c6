import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Command, openReplicationStream } from './replication-stream.ts';

export type SnapshotAndStream = {
  readonly source: Redis;
  /** Of the source: the stream has a connection of its own. */
  readonly port: number;
  readonly target: Redis;
  /** Only keys that begin so. */
  readonly prefix: string;
  readonly keysPerSecond: number;
  /** While it is not aborted the stream is followed. */
  readonly signal: AbortSignal;
};

export type Copied = { readonly restored: number; readonly commands: number };

type Entry = { readonly key: Buffer; readonly expireAt: number; readonly payload: Buffer };
const BATCH = 100;

/**
 * What tools of this kind do (RedisShake and its like): a snapshot with the expiries of its moment is loaded first,
 * then the stream of commands from that moment on is replayed in order, so nothing that was written is left out.
 * But a key whose expiry passed while the snapshot was being loaded is not there any more when the renewals of its
 * expiry are replayed, and an expiry cannot be renewed on nothing.
 */
export async function snapshotAndStream(given: SnapshotAndStream): Promise<Copied> {
  const stream = await openReplicationStream(given.port);
  try {
    const entries = await snapshot(given);
    const began = performance.now();
    for (let at = 0; at < entries.length; at += BATCH) {
      await load(given.target, entries.slice(at, at + BATCH));
      const dueMs = ((at + BATCH) / given.keysPerSecond) * 1_000;
      await delay(Math.max(0, began + dueMs - performance.now()));
    }
    let commands = 0;
    while (!given.signal.aborted) {
      const taken = stream.take().filter((command) => concerns(command, given.prefix));
      await replay(given.target, taken);
      commands += taken.length;
      if (taken.length === 0) await delay(1);
    }
    return { restored: entries.length, commands };
  } finally {
    stream.close();
  }
}

async function snapshot({ source, prefix }: SnapshotAndStream): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  let cursor = '0';
  do {
    const [next, keys] = (await source.callBuffer('SCAN', [
      cursor,
      'MATCH',
      `${prefix}*`,
      'COUNT',
      '1000',
    ])) as [Buffer, Buffer[]];
    const pipeline = source.pipeline();
    for (const key of keys) pipeline.callBuffer('PEXPIRETIME', key).callBuffer('DUMP', key);
    const replies = (await pipeline.exec()) ?? [];
    for (const [at, key] of keys.entries()) {
      const [expireAt, payload] = [Number(replies[at * 2]?.[1]), replies[at * 2 + 1]?.[1]];
      if (payload instanceof Buffer) entries.push({ key, expireAt, payload });
    }
    cursor = next.toString();
  } while (cursor !== '0');
  return entries;
}

async function load(target: Redis, entries: readonly Entry[]): Promise<void> {
  const pipeline = target.pipeline();
  for (const { key, expireAt, payload } of entries)
    pipeline.callBuffer('RESTORE', key, String(Math.max(0, expireAt)), payload, 'REPLACE', 'ABSTTL');
  await pipeline.exec();
}

async function replay(target: Redis, commands: readonly Command[]): Promise<void> {
  if (commands.length === 0) return;
  const pipeline = target.pipeline();
  for (const [name, ...args] of commands) pipeline.callBuffer(String(name), ...args);
  await pipeline.exec();
}

function concerns([, key]: Command, prefix: string): boolean {
  return key?.toString('latin1').startsWith(prefix) ?? false;
}
