import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../connection.ts';
import { keyOf, valueOf } from '../data-set.ts';
import { serve } from './serve.ts';

/**
 * Writes to one server. The stream takes every `of`-th key, beginning with `first`, so two streams never write the same
 * key.
 */
export type Stream = {
  readonly url: string;
  readonly perSecond: number;
  readonly first: number;
  readonly of: number;
};

export type WriterInput = {
  readonly streams: readonly Stream[];
  readonly keys: number;
  readonly seconds: number;
};

export type WriterReport = { readonly acknowledged: number; readonly seconds: number };

/**
 * The most unanswered writes. With more of them the server is behind. Then the writer waits, so that the requests do
 * not pile up, and the number of acknowledged writes shows it.
 */
const MOST_UNANSWERED = 5_000;
const HOUR_MS = 3_600_000;

/**
 * A load at a given rate: half SET, a quarter HSET, the rest EXPIRE (one hour and more) and DEL. It is an open loop:
 * every millisecond it sends what is due as one pipeline, even if the last one has not been answered.
 */
serve<WriterInput, never, WriterReport>(async ({ streams, keys, seconds }, _say, signal) => {
  const began = performance.now();
  const counts = await Promise.all(
    streams.map((stream) => write(stream, keys, began + seconds * 1_000, signal)),
  );
  return {
    acknowledged: counts.reduce((sum, count) => sum + count, 0),
    seconds: (performance.now() - began) / 1_000,
  };
});

async function write(stream: Stream, keys: number, until: number, signal: AbortSignal): Promise<number> {
  const redis = await connectTo(stream.url);
  const began = performance.now();
  const batches = new Set<Promise<void>>();
  let [sent, acknowledged] = [0, 0];
  while (performance.now() < until && !signal.aborted) {
    const due = Math.floor(((performance.now() - began) / 1_000) * stream.perSecond) - sent;
    if (due > 0 && sent - acknowledged < MOST_UNANSWERED) {
      const pipeline = redis.pipeline();
      for (let i = 0; i < due; i++) one(pipeline, keyFor(stream, keys, sent + i), sent + i);
      sent += due;
      const batch = pipeline.exec().then((replies) => {
        for (const [error] of replies ?? []) if (error) throw error;
        acknowledged += due;
        batches.delete(batch);
      });
      batches.add(batch);
    }
    await delay(1);
  }
  await Promise.all(batches);
  redis.disconnect();
  return acknowledged;
}

const TEXTS = Array.from({ length: 48 }, (_, n) => valueOf(n * 3, 'offers'));

function one(pipeline: ReturnType<Redis['pipeline']>, n: number, turn: number): void {
  const [key, dice] = [keyOf(n), turn % 20];
  if (dice < 3) pipeline.pexpireat(key, Date.now() + HOUR_MS + (turn % HOUR_MS));
  else if (dice < 5) pipeline.del(key);
  else if (key.includes(':hash:')) pipeline.hset(key, 'seen', turn, 'score', `${turn % 100}.5`);
  else pipeline.set(key, documentOf(turn));
}

/**
 * Returns a document of the usual size, a different one each time. It uses ready texts, because a new one would cost
 * CPU.
 */
function documentOf(turn: number): string {
  const value = TEXTS[turn % TEXTS.length];
  const text = value && value.kind !== 'hash' ? value.text : '{}';
  return `{"turn":${turn},${text.slice(1)}`;
}

/** Spreads the writes over all keys of the stream. */
function keyFor({ first, of }: Stream, keys: number, turn: number): number {
  const n = Math.imul(turn + 1, 2_654_435_761) >>> 0;
  return Math.floor((n % keys) / of) * of + first;
}
