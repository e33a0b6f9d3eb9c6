import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

const read = (name: string) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
const PRELUDE = read('prelude');

const SOURCES = {
  read: `${PRELUDE}${read('read')}`,
  apply: `${PRELUDE}${read('apply')}`,
  guarded: read('guarded'),
  raiseLease: read('raise-lease'),
  setAuthority: read('set-authority'),
} as const;

type ScriptName = keyof typeof SOURCES;
type Argument = string | Buffer;

/** Runs one of our scripts on one connection. Replies are Buffers: values are binary. */
export type RunScript = (
  name: ScriptName,
  keys: readonly Argument[],
  args: readonly Argument[],
) => Promise<unknown>;

/** Loads the scripts into the server behind `redis`. `read` runs as EVALSHA_RO, so it works while writes are paused. */
export async function loadScripts(redis: Redis): Promise<RunScript> {
  const shas = new Map<ScriptName, string>();
  for (const name of Object.keys(SOURCES) as ScriptName[]) {
    shas.set(name, String(await redis.script('LOAD', SOURCES[name])));
  }
  return (name, keys, args) =>
    redis.callBuffer(name === 'read' ? 'EVALSHA_RO' : 'EVALSHA', [
      shas.get(name) ?? '',
      String(keys.length),
      ...keys,
      ...args,
    ]);
}
