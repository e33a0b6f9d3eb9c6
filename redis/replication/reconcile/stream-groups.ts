import { contentOf } from './large-digest.ts';
import { rebuild, walkGroups } from '../../client/chunked-read.ts';
import { byteString, keyBytes } from '../../client/key-bytes.ts';
import type { NodePort } from '../store/store-port.ts';
import type { Side } from '../../../domain/plan/plan.ts';

type Asked = Pick<NodePort, 'redis' | 'run'>;

/** The most pending messages that one call reads, at 3 µs each. A stream with more is read in pages. */
const CALL_PENDING = 500;
const PAGE = 256;
const ALL = '1e15';
const IN_PAGES = 'm';
const TOO_MUCH = 'p';

/** Reads the silent state of each stream (redis/scripts/streams.lua), in as many calls as that script needs. */
export async function silentStates(
  node: Asked,
  asked: readonly { readonly name: string }[],
): Promise<readonly SilentState[]> {
  const states: SilentState[] = [];
  while (states.length < asked.length) {
    const keys = asked.slice(states.length).map(({ name }) => name);
    const reply = (await node.run('streams', keys, [String(CALL_PENDING)], true)) as Buffer[];
    for (const [i, bytes] of reply.entries()) {
      const state = byteString(bytes);
      states.push(state === TOO_MUCH ? await inPages(node, keyBytes(keys[i] as string)) : state);
    }
  }
  return states;
}

/**
 * Reads the silent state of one stream in one atomic step, however many messages are pending.
 *
 * @returns 40 hex digits; '' = the key is no stream
 */
export async function silentStateAtOnce(node: NodePort, name: string): Promise<SilentState> {
  const [state] = (await node.run('streams', [name], [ALL], true)) as [Buffer];
  return digitsOf(byteString(state));
}

/** A silent state without the letter in front of its digits. */
export function digitsOf(state: SilentState): SilentState {
  return state.slice(1);
}

/** Whether the stream was read in pages, because too many messages are pending for one call. */
export function isInPages(state: SilentState): boolean {
  return state.startsWith(IN_PAGES);
}

/** Whether the stream has groups and is small enough that one script reads the whole stream. */
export function isFullyRead(state: SilentState): boolean {
  return state.startsWith('g');
}

/**
 * Reads the silent state of a stream in pages. The pages may come from several moments. A change between two pages
 * gives another state now or at the next poll, so no change is missed.
 */
async function inPages({ redis }: Asked, key: Buffer): Promise<SilentState> {
  const content = contentOf('stream');
  try {
    for await (const piece of walkGroups(redis, key, PAGE)) content.add(piece);
  } catch (error) {
    // The key has just become another type, or it or a group is gone. The time makes a state that no other read gives.
    if (error instanceof Error && /^(WRONGTYPE|ERR no such key|NOGROUP)/.test(error.message))
      content.add(rebuild('', [String(performance.now())]));
    else throw error;
  }
  return IN_PAGES + (await content.digest());
}

/**
 * One read of what can change in a stream without an event: its last id, counters, groups, consumers and pending
 * messages. Two equal states mean that none of these has changed; '' = the key is no stream.
 */
export type SilentState = string;

type Shown = Partial<Record<Side, SilentState>>;

/**
 * The streams among the keys that this attempt has read, by source key, with the last silent state of each side.
 * Commands of consumer groups raise no event, so the sync has to poll every stream (docs/decisions/0027). A stream that
 * was read on one side is a stream on the other side too, or will be one.
 */
export class KnownStreams {
  readonly #shown = new Map<string, Shown>();

  /** Every read of a key calls this. */
  seen(sourceKey: string, stream: boolean): void {
    if (stream && !this.#shown.has(sourceKey)) this.#shown.set(sourceKey, {});
  }

  keys(): readonly string[] {
    return [...this.#shown.keys()];
  }

  /**
   * Records the silent state of a stream on one side.
   *
   * @returns whether the stream must be read. This includes the first poll, because the stream may have changed between
   *   the read that found it and that poll. It excludes a stream that is gone, because its end has raised an event
   */
  shows(sourceKey: string, side: Side, state: SilentState): boolean {
    const shown = this.#shown.get(sourceKey) ?? {};
    const before = shown[side];
    shown[side] = state;
    if (shown.source === '' && shown.target === '') this.#shown.delete(sourceKey);
    else this.#shown.set(sourceKey, shown);
    return state !== '' && state !== before;
  }

  /** Whether the key was a stream on both sides at the last poll. */
  onBoth(sourceKey: string): boolean {
    const { source, target } = this.#shown.get(sourceKey) ?? {};
    return !!source && !!target;
  }
}
