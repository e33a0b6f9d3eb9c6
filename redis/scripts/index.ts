import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import { byteString } from '../key-bytes.ts';
import { type Argument, ScriptCall } from './script-call.ts';

const read = (name: string) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
const PRELUDE = read('prelude');

const SOURCES = {
  turn: PRELUDE + ['apply', 'glance', 'read', 'turn'].map(read).join(''),
  swap: `${PRELUDE}${read('swap')}`,
  guarded: read('guarded'),
  raiseLease: read('raise-lease'),
  setAuthority: read('set-authority'),
} as const;

type ScriptName = keyof typeof SOURCES;

/**
 * Runs one of our scripts on one connection. Replies are Buffers: values are binary.
 *
 * @param readOnly as EVALSHA_RO, which works while writes are paused
 */
export type RunScript = (
  name: ScriptName,
  keys: readonly Argument[],
  args: readonly Argument[],
  readOnly?: boolean,
) => Promise<unknown>;

/** Loads the scripts into the server behind `redis`; into each of a cluster, where a call goes by its last key. */
export async function loadScripts(redis: Redis): Promise<RunScript> {
  if (!(redis instanceof RoutedRedis)) return loadInto(redis, '');
  const runs = new Map<Redis, RunScript>();
  for (const node of redis.nodes) runs.set(node.redis, await loadNodeScripts(node.redis));
  return (name, keys, args, readOnly) => {
    const last = keys.at(-1) ?? '';
    const node = redis.nodeOf(typeof last === 'string' ? last : byteString(last));
    return (runs.get(node.redis) as RunScript)(name, keys, args, readOnly);
  };
}

/** A cluster refuses keys of several slots where they are declared, not where one node serves them all. */
const UNDECLARED = read('undeclared');

/** Loads the scripts into one node of a cluster: all keys of a call are that node's. */
export async function loadNodeScripts(node: Redis): Promise<RunScript> {
  const run = await loadInto(node, UNDECLARED);
  return (name, keys, args, readOnly) => run(name, [], [String(keys.length), ...keys, ...args], readOnly);
}

async function loadInto(redis: Redis, before: string): Promise<RunScript> {
  const shas = new Map<ScriptName, string>();
  for (const name of Object.keys(SOURCES) as ScriptName[]) {
    shas.set(name, String(await redis.script('LOAD', before + SOURCES[name])));
  }
  return (name, keys, args, readOnly = false) => {
    const command = readOnly ? 'EVALSHA_RO' : 'EVALSHA';
    const call = new ScriptCall(command, shas.get(name) ?? '', keys, args);
    return redis.sendCommand(call) as Promise<unknown>;
  };
}
