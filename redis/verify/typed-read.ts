/**
 * The verifier's own read path (L13): one script of its own for a batch, which gives content and expiry of each key in one
 * step (L4); what is large, and streams, by plain commands in pieces. No DUMP but of types without a plain read, no ledger:
 * nothing the copier uses.
 */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { byNode } from '../cluster/by-node.ts';
import { keyBytes } from '../key-bytes.ts';
import { PackedState } from './packed-state.ts';
import { readLarge } from './read-large.ts';
import type { TypedState } from './typed-state.ts';

const SCRIPT = readFileSync(new URL('./whole-keys.lua', import.meta.url));
const LENGTH = 4;

/** States of some 64 keys (byte strings), in their order. On a cluster each node is asked by itself. */
export async function readTyped(redis: Redis, keys: readonly string[]): Promise<readonly TypedState[]> {
  return byNode(redis, keys, readServer);
}

async function readServer(redis: Redis, keys: readonly string[]): Promise<readonly TypedState[]> {
  const states: TypedState[] = [];
  while (states.length < keys.length) {
    const asked = keys.slice(states.length);
    for (const [i, reply] of (await wholeKeys(redis, asked)).entries()) {
      if (reply.length > 1) states.push(new PackedState(reply));
      else states.push(reply.length === 0 ? null : await readLarge(redis, keyBytes(asked[i] as string)));
    }
  }
  return states;
}

/**
 * Asked as read-only, which works while writes are paused, and by its text: nobody has to load it first, and the time of
 * EVALSHA, by which the sync sizes its batches, stays the sync's (redis/sync/batch.ts).
 */
function wholeKeys(redis: Redis, keys: readonly string[]): Promise<readonly Buffer[]> {
  return redis.callBuffer('EVAL_RO', SCRIPT, 0, packed(keys)) as Promise<readonly Buffer[]>;
}

function packed(keys: readonly string[]): Buffer {
  const bytes = Buffer.allocUnsafe(keys.reduce((size, key) => size + LENGTH + key.length, 0));
  let at = 0;
  for (const key of keys) {
    at = bytes.writeUInt32BE(key.length, at);
    at += bytes.write(key, at, 'latin1');
  }
  return bytes;
}
