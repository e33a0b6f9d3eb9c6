/**
 * The verifier's own read path (L13): TYPE, then the plain read of that type together with PEXPIRETIME in one MULTI,
 * so that content and expiry belong to one instant (L4). No script, no DUMP, no ledger: nothing the copier uses.
 *
 * One reader for each connection, that of a node included: large keys are read under WATCH, which a second reader's EXEC would end.
 */
import type { Redis } from 'ioredis';
import { slotOf } from '../../domain/slot.ts';
import { byNode } from '../cluster/by-node.ts';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { canonical } from './canonical-parts.ts';
import { LARGE_BYTES, readLarge } from './read-large.ts';
import { moving, type TypedState } from './typed-state.ts';

/** One MULTI stays well below the 2 ms of server time that other clients would feel (L14). */
const BATCH_KEYS = 256;
const ATTEMPTS = 4;

type Shape = { readonly index: number; readonly key: Buffer; readonly type: string; readonly bytes: number };

/** States of the keys (byte strings), in their order. Everything comes back as bytes. On a cluster each node is read by itself. */
export async function readTyped(redis: Redis, keys: readonly string[]): Promise<readonly TypedState[]> {
  const inOneSlot = redis instanceof RoutedRedis;
  return byNode(redis, keys, (server, mine) => readServer(server, mine, inOneSlot));
}

async function readServer(
  redis: Redis,
  keys: readonly string[],
  inOneSlot: boolean,
): Promise<readonly TypedState[]> {
  const states: TypedState[] = keys.map(() => null);
  let open = keys.map((key, index) => ({ index, key: keyBytes(key) }));
  for (let attempt = 0; open.length > 0 && attempt < ATTEMPTS; attempt++) {
    const retyped: Shape[] = [];
    for (const batch of batches(await shapesOf(redis, open))) {
      retyped.push(...(await readBatch(redis, batch, states, inOneSlot)));
    }
    open = retyped;
  }
  for (const { index } of open) states[index] = moving();
  return states;
}

async function shapesOf(
  redis: Redis,
  keys: readonly { readonly index: number; readonly key: Buffer }[],
): Promise<Shape[]> {
  const pipeline = redis.pipeline();
  for (const { key } of keys) pipeline.callBuffer('TYPE', key).callBuffer('MEMORY', 'USAGE', key);
  const replies = await valuesOf(pipeline.exec());
  return keys
    .map(({ index, key }, i) => ({
      index,
      key,
      type: String(replies[2 * i]),
      bytes: Number(replies[2 * i + 1] ?? 0),
    }))
    .filter(({ type }) => type !== 'none');
}

/** Bounded by count and bytes; a stream or a large key is a batch of its own. */
function* batches(shapes: readonly Shape[]): Generator<readonly Shape[]> {
  let batch: Shape[] = [];
  let bytes = 0;
  for (const shape of shapes) {
    if (isLarge(shape)) {
      yield [shape];
      continue;
    }
    if (batch.length === BATCH_KEYS || bytes + shape.bytes > LARGE_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(shape);
    bytes += shape.bytes;
  }
  if (batch.length > 0) yield batch;
}

function isLarge(shape: Shape): boolean {
  return shape.type === 'stream' || shape.bytes > LARGE_BYTES;
}

/** Fills in the states of a batch; gives back those whose type changed since TYPE: to be looked at again. */
async function readBatch(
  redis: Redis,
  batch: readonly Shape[],
  states: TypedState[],
  inOneSlot: boolean,
): Promise<readonly Shape[]> {
  const [only] = batch;
  if (only !== undefined && isLarge(only)) {
    states[only.index] = await readLarge(redis, only.key);
    return [];
  }
  const steps = inOneSlot ? bySlot(batch) : [batch];
  return (await Promise.all(steps.map((step) => readStep(redis, step, states)))).flat();
}

/** A MULTI on a node of a cluster may speak of one slot only. */
function bySlot(batch: readonly Shape[]): readonly (readonly Shape[])[] {
  const steps = new Map<number, Shape[]>();
  for (const shape of batch) {
    const slot = slotOf(byteString(shape.key));
    steps.set(slot, [...(steps.get(slot) ?? []), shape]);
  }
  return [...steps.values()];
}

async function readStep(
  redis: Redis,
  batch: readonly Shape[],
  states: TypedState[],
): Promise<readonly Shape[]> {
  const multi = redis.multi();
  for (const { key, type } of batch) {
    const [command, ...rest] = readOf(type);
    multi.callBuffer(command, key, ...rest).callBuffer('PEXPIRETIME', key);
  }
  const replies = (await multi.exec()) ?? [];
  const retyped: Shape[] = [];
  for (const [i, shape] of batch.entries()) {
    const [error, content] = replies[2 * i] ?? [new Error('EXEC gave fewer replies than commands')];
    if (error?.message.startsWith('WRONGTYPE')) retyped.push(shape);
    else if (error) throw error;
    else states[shape.index] = stateOf(shape.type, content, Number(replies[2 * i + 1]?.[1]));
  }
  return retyped;
}

function readOf(type: string): readonly [string, ...string[]] {
  if (type === 'string') return ['GET'];
  if (type === 'hash') return ['HGETALL'];
  if (type === 'list') return ['LRANGE', '0', '-1'];
  if (type === 'set') return ['SMEMBERS'];
  if (type === 'zset') return ['ZRANGE', '0', '-1', 'WITHSCORES'];
  return ['DUMP'];
}

function stateOf(type: string, content: unknown, expiry: number): TypedState {
  const flat = (Array.isArray(content) ? content : [content]).filter((part) => part instanceof Buffer);
  if (flat.length === 0) return null;
  return { type, parts: canonical(type, flat), expireAtMs: expiry < 0 ? null : expiry };
}

async function valuesOf(
  replies: Promise<[error: Error | null, result: unknown][] | null>,
): Promise<unknown[]> {
  return ((await replies) ?? []).map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}
