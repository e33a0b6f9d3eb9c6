import type { Redis } from 'ioredis';
import type { Dated } from '../../domain/gates/status.ts';
import { clockOf, msOf } from '../client/server-info.ts';
import { serverOf } from '../client/cluster-client.ts';

/**
 * One process writes a record into a store, and other processes judge it by its age. The server that holds the record
 * gives it its time, and the clock of the same server gives its age at each reading. So the clocks of two machines are
 * never compared. A worker whose clock is an hour wrong is trusted like any other.
 */
type Stamped = { readonly saidAtMs?: number };

/**
 * Returns the time of the server that holds `key`, ms since epoch. A writer asks for it before it collects the contents
 * of its record. If the process stands still after that and writes late, the record counts as old as its contents. With
 * the time of the write it would look fresh.
 */
export async function timeAt(redis: Redis, key: string): Promise<number> {
  return clockOf(serverOf(redis, key));
}

/** Returns the text to store, in the form that `readDated` reads. */
export function dated(word: object, saidAtMs: number): string {
  return JSON.stringify({ ...word, saidAtMs } satisfies Stamped);
}

/** @param saidAtMs result of `timeAt` from before the contents of the record were collected */
export async function writeDated(redis: Redis, key: string, word: object, saidAtMs: number): Promise<void> {
  await redis.set(key, dated(word, saidAtMs));
}

/** Reads a record and its age in ms. `null` = there is no record. */
export async function readDated<T extends object>(redis: Redis, key: string): Promise<Dated<T> | null> {
  const server = serverOf(redis, key);
  // Both commands use one connection, so the server takes the time after it has read the record. The age of a record
  // that was written just now is never below 0.
  const [text, time] = await Promise.all([server.get(key), server.time()]);
  if (text === null) return null;
  const { saidAtMs, ...word } = JSON.parse(text) as Stamped & T;
  return { ...(word as unknown as T), ageMs: ageOf(server, key, saidAtMs, msOf(time)) };
}

type Seen = { readonly saidAtMs: number; readonly firstMs: number };

const seen = new WeakMap<Redis, Map<string, Seen>>();

/**
 * Returns the age of a record in ms; `null` = unknown. A record from the future was written before the server's clock
 * was set back, so its age is unknown. When that clock has caught up, the old record would look fresh again. Therefore
 * this process also measures, by its own monotonic clock, for how long it has read the record unchanged. The record is
 * at least that old.
 */
function ageOf(server: Redis, key: string, saidAtMs: number | undefined, nowMs: number): number | null {
  if (saidAtMs === undefined) return null;
  const here = performance.now();
  const words = seen.get(server) ?? new Map<string, Seen>();
  seen.set(server, words);
  const before = words.get(key);
  const firstMs = before?.saidAtMs === saidAtMs ? before.firstMs : here;
  words.set(key, { saidAtMs, firstMs });
  return nowMs < saidAtMs ? null : Math.max(nowMs - saidAtMs, Math.floor(here - firstMs));
}
