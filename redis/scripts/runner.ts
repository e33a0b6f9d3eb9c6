import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { RoutedRedis } from '../client/cluster-client.ts';
import { byteString } from '../client/key-bytes.ts';
import { type Argument, ScriptCall } from './script-call.ts';

const read = (name: string) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
const PRELUDE = read('stream-dump') + read('prelude');
const GROUPS = read('stream-groups');

const SOURCES = {
  turn: PRELUDE + ['apply', 'glance', 'read', 'turn'].map(read).join(''),
  swap: `${PRELUDE}${GROUPS}${read('swap')}`,
  streams: `${GROUPS}${read('streams')}`,
  guarded: read('guarded'),
  raiseLease: read('raise-lease'),
  setAuthority: read('set-authority'),
  replace: read('replace'),
  whileOurs: read('while-ours'),
  fields: read('fields'),
} as const;

type ScriptName = keyof typeof SOURCES;

/**
 * Runs one of our scripts on one connection. Replies are Buffers, because values are binary.
 *
 * @param readOnly send it as EVALSHA_RO, which the server runs while writes are paused
 */
export type RunScript = (
  name: ScriptName,
  keys: readonly Argument[],
  args: readonly Argument[],
  readOnly?: boolean,
) => Promise<unknown>;

/**
 * Loads the scripts into the server behind `redis`, or into each node of a cluster. On a cluster a call goes to the
 * node that serves the last of its keys.
 */
export async function loadScripts(redis: Redis): Promise<RunScript> {
  if (!(redis instanceof RoutedRedis)) return loadInto(redis, ALONE);
  const runs = new Map<Redis, RunScript>();
  for (const node of redis.nodes) runs.set(node.redis, await loadNodeScripts(node.redis));
  return (name, keys, args, readOnly) => {
    const last = keys.at(-1) ?? '';
    const node = redis.nodeOf(typeof last === 'string' ? last : byteString(last));
    return (runs.get(node.redis) as RunScript)(name, keys, args, readOnly);
  };
}

/**
 * On a cluster the keys of a call go as arguments. The cluster refuses declared keys of several slots, though a script
 * may use all keys that its node serves.
 */
const UNDECLARED = read('undeclared');
const ALONE = 'local CLUSTERED = false\n';

/** Loads the scripts into one node of a cluster. That node has to serve all keys of a call. */
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
