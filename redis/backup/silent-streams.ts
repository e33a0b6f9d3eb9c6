import type { Redis } from 'ioredis';
import { byteString, chunksOf } from '../client/key-bytes.ts';
import { loadNodeScripts, type RunScript } from '../scripts/runner.ts';
import {
  digitsOf,
  isInPages,
  type SilentState,
  silentStates,
} from '../replication/reconcile/stream-groups.ts';

const SCAN_COUNT = 1_000;
/** Streams of one call. Each takes 20 µs of server time if it has few pending messages. */
const CALL_STREAMS = 32;

/**
 * The silent state of every stream of a database, by name. The silent state is the part of a stream that commands of
 * consumer groups and XSETID change. No event reports these changes.
 */
export type SilentStreams = ReadonlyMap<string, SilentState>;

/**
 * Reads the silent state of those streams whose names `isOurs` accepts. It is read before the snapshot, so the proof
 * can distinguish the work of a consumer from a broken backup. A stream that is created later raises an event.
 */
export async function silentStreams(
  live: Redis,
  isOurs: (name: string) => boolean,
  signal: AbortSignal,
): Promise<SilentStreams> {
  const run = await loadNodeScripts(live);
  const found = new Map<string, SilentState>();
  let cursor = '0';
  do {
    signal.throwIfAborted();
    const [next, keys] = await live.scanBuffer(cursor, 'COUNT', SCAN_COUNT, 'TYPE', 'stream');
    cursor = next.toString();
    for (const [name, state] of await statesOf({ redis: live, run }, keys.map(byteString).filter(isOurs)))
      found.set(name, state);
  } while (cursor !== '0');
  return found;
}

/** Returns the names of those keys that are streams and whose silent state has changed. */
export async function changedSilently(
  live: Redis,
  before: SilentStreams,
  keys: readonly Buffer[],
): Promise<ReadonlySet<string>> {
  const known = keys.map(byteString).filter((name) => before.has(name));
  if (known.length === 0) return new Set();
  const now = await statesOf({ redis: live, run: await loadNodeScripts(live) }, known);
  return new Set(now.flatMap(([name, state]) => (isSame(state, before.get(name) ?? '') ? [] : [name])));
}

/** Ignores the leading letter: it says only whether the stream is small and has groups. */
function isSame(one: SilentState, other: SilentState): boolean {
  if (isInPages(one) || isInPages(other)) return one === other;
  return digitsOf(one) === digitsOf(other);
}

async function statesOf(
  node: { readonly redis: Redis; readonly run: RunScript },
  names: readonly string[],
): Promise<readonly (readonly [name: string, state: SilentState])[]> {
  const found: [string, SilentState][] = [];
  for (const some of chunksOf(names, CALL_STREAMS)) {
    const asked = some.map((name) => ({ name }));
    for (const [i, state] of (await silentStates(node, asked)).entries())
      found.push([some[i] as string, state]);
  }
  return found;
}
