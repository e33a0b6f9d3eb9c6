import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { type Argument, ScriptCall } from './script-call.ts';

const read = (name: string) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
const PRELUDE = read('prelude');

const SOURCES = {
  read: `${PRELUDE}${read('read')}`,
  glance: `${PRELUDE}${read('glance')}`,
  apply: `${PRELUDE}${read('apply')}`,
  swap: `${PRELUDE}${read('swap')}`,
  guarded: read('guarded'),
  raiseLease: read('raise-lease'),
  setAuthority: read('set-authority'),
} as const;

type ScriptName = keyof typeof SOURCES;

/** Run as EVALSHA_RO, so that they work while writes are paused. */
const READS: ReadonlySet<ScriptName> = new Set(['read', 'glance']);

/** Runs one of our scripts on one connection. Replies are Buffers: values are binary. */
export type RunScript = (
  name: ScriptName,
  keys: readonly Argument[],
  args: readonly Argument[],
) => Promise<unknown>;

/** Loads the scripts into the server behind `redis`. */
export async function loadScripts(redis: Redis): Promise<RunScript> {
  const shas = new Map<ScriptName, string>();
  for (const name of Object.keys(SOURCES) as ScriptName[]) {
    shas.set(name, String(await redis.script('LOAD', SOURCES[name])));
  }
  return (name, keys, args) => {
    const command = READS.has(name) ? 'EVALSHA_RO' : 'EVALSHA';
    const call = new ScriptCall(command, [shas.get(name) ?? '', String(keys.length), ...keys, ...args]);
    return redis.sendCommand(call) as Promise<unknown>;
  };
}
