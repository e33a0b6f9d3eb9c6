import { setTimeout as delay } from 'node:timers/promises';
import { connectTo } from '../connection.ts';
import { serve } from './serve.ts';

export type RenewerInput = {
  readonly url: string;
  /** The name of a key is this prefix and a number from 0 on. */
  readonly prefix: string;
  readonly keys: number;
  readonly ttlMs: number;
  readonly everyMs: number;
};

const TURN_MS = 20;

/**
 * Simulates sessions in use. It writes the keys and reports that. Then it renews the expiry of each key once per
 * `everyMs` until it is stopped.
 */
serve<RenewerInput, 'filled', null>(async ({ url, prefix, keys, ttlMs, everyMs }, say, signal) => {
  const redis = await connectTo(url);
  const fill = redis.pipeline();
  for (let n = 0; n < keys; n++) fill.set(`${prefix}${n}`, `user ${n}`, 'PX', ttlMs);
  await fill.exec();
  say('filled');
  const began = performance.now();
  let renewed = 0;
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - began) / everyMs) * keys);
    const pipeline = redis.pipeline();
    for (; renewed < due; renewed++) pipeline.pexpire(`${prefix}${renewed % keys}`, ttlMs);
    await pipeline.exec();
    await delay(TURN_MS);
  }
  redis.disconnect();
  return null;
});
