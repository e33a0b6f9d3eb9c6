import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { KEY_PREFIX } from './data-set.ts';

/** The run lost data, or the two sides differ. Such a run gets no figure. */
export class Differs extends Error {
  override readonly name = 'Differs';
}

export type Expected = 'same' | 'offers become jobs';

type State = { readonly value: string | Readonly<Record<string, string>> | null; readonly expireAt: number };

const COUNT = 1_000;
const PATIENCE_MS = 20_000;

/**
 * Reads both servers completely and compares values and absolute expiries. It uses plain commands and no code of the
 * engine. Every key of the data set on the source must be on the target as expected. The target must have no other key
 * of the data set. Keys may still be on their way, so differences are read again until `patienceMs` is over.
 *
 * @returns how many keys were compared
 * @throws Differs
 */
export async function assertSame(
  source: Redis,
  target: Redis,
  expected: Expected,
  patienceMs = PATIENCE_MS,
): Promise<number> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { compared, differing } = await compare(source, target, expected);
    if (compared > 0 && differing === 0) return compared;
    if (performance.now() > deadline) throw new Differs(`${differing} of ${compared} keys differ`);
    await delay(100);
  }
}

async function compare(source: Redis, target: Redis, expected: Expected) {
  const seen = new Set<string>();
  let differing = 0;
  for await (const batch of scan(source)) {
    const keys = batch.filter((key) => !seen.has(key));
    for (const key of keys) seen.add(key);
    const [there, here] = await Promise.all([read(source, keys), read(target, keys)]);
    differing += keys.filter((_key, i) => text(becomes(there[i], expected)) !== text(here[i])).length;
  }
  const strangers = new Set<string>();
  for await (const batch of scan(target)) for (const key of batch) if (!seen.has(key)) strangers.add(key);
  return { compared: seen.size, differing: differing + strangers.size };
}

async function* scan(redis: Redis): AsyncIterable<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${KEY_PREFIX}*`, 'COUNT', COUNT);
    cursor = next;
    if (keys.length > 0) yield [...new Set(keys)];
  } while (cursor !== '0');
}

async function read(redis: Redis, keys: readonly string[]): Promise<State[]> {
  const pipeline = redis.pipeline();
  for (const key of keys) {
    if (key.includes(':hash:')) pipeline.hgetall(key);
    else pipeline.get(key);
    pipeline.pexpiretime(key);
  }
  const replies = (await pipeline.exec()) ?? [];
  return keys.map((_key, i) => {
    const [[error, value], [, expireAt]] = [replies[2 * i] ?? [null, null], replies[2 * i + 1] ?? [null, -2]];
    if (error) return { value: null, expireAt: NaN };
    return { value: value as State['value'], expireAt: expireAt as number };
  });
}

/** The transform of these documents, written by hand. */
function becomes(state: State | undefined, expected: Expected): State | undefined {
  if (!state || expected === 'same' || state.value === null) return state;
  if (typeof state.value === 'string')
    return { ...state, value: state.value.replace('"offers":', '"jobs":') };
  const { offer_id: id, ...rest } = state.value;
  return { ...state, value: id === undefined ? rest : { ...rest, job_id: id } };
}

function text(state: State | undefined): string {
  if (!state || state.value === null) return 'absent';
  const value = typeof state.value === 'string' ? state.value : Object.entries(state.value).sort();
  return JSON.stringify([value, state.expireAt]);
}
