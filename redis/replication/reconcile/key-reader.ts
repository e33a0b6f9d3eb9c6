import {
  ABSENT,
  decide,
  type Decision,
  type Digest,
  type LedgerEntry,
  newest,
} from '../../../domain/protocol/protocol.ts';
import { type Dataset, type Link, otherSide, type Side } from '../../../domain/plan/plan.ts';
import { decodeEntry, type EntryPlace, entryPlaceOf } from '../../state/ledger.ts';
import type { DirtyKey } from './dirty-set.ts';
import type { SideState } from '../store/state-codec.ts';
import type { KeyMap } from '../../../domain/keys/key-map.ts';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import type { Shard } from '../../../domain/keys/shard.ts';
import type { KnownStreams } from './stream-groups.ts';
import { type Question, readStates, type SidePorts, type ReadDepth } from '../store/store-port.ts';

/** One key as it was read on both sides. */
export type KeyView = {
  readonly work: DirtyKey;
  readonly dataset: Dataset;
  /** Where the ledger entry of the key stands. */
  readonly place: EntryPlace;
  /** The name of the key on each side. */
  readonly names: Readonly<Record<Side, string>>;
  readonly states: Readonly<Record<Side, SideState>>;
  /** The newer of the two ledger entries; `null` = there is none. */
  readonly agreed: LedgerEntry | null;
  /** What has changed since then, by both states. */
  readonly decision: Decision;
  /** The side that was not read; a state that we assume stands for it. `null` = both sides were read. */
  readonly assumed: Side | null;
};

/** The parts of an attempt that the key reader uses. */
export type ReaderContext = {
  readonly link: Link;
  readonly shard: Shard;
  readonly keyspace: Keyspace;
  readonly keyMap: KeyMap;
  readonly ports: SidePorts;
  readonly known: KnownStates;
  readonly streams: KnownStreams;
  /** The servers do not restore each other's DUMP, so values travel by commands. */
  readonly typed: boolean;
};

/**
 * How to read one side of a key: `digest` = its state only, `value` = its value too, `plain` = its value by plain reads
 * whatever its type is. A `SideState` = do not read the side; this state is assumed for it.
 */
type Sight = 'digest' | 'value' | 'plain' | SideState;
export type ReadPlan = Readonly<Record<Side, Sight>>;

/**
 * Assumed for the target of a key that was never replicated: the key is absent there. If that is wrong, the
 * compare-and-set of the write refuses it.
 */
export const NEVER_SEEN: SideState = {
  digest: ABSENT,
  nowMs: 0,
  value: { form: 'none' },
  stream: false,
  lease: null,
  proof: null,
  entry: null,
  entryBytes: '',
};

/**
 * Reads both sides of each key. On each side, the state, the value and the ledger entry of a key come from one atomic
 * step. Keys that no dataset owns are left out.
 */
export async function readBothSides(
  reader: ReaderContext,
  works: readonly DirtyKey[],
  readPlanOf: (work: DirtyKey) => ReadPlan,
): Promise<KeyView[]> {
  const asked: Asked[] = [];
  for (const work of works) {
    const located = reader.keyMap.locate(work.key);
    if (!located) continue;
    const { dataset, names } = located;
    asked.push({ work, dataset, names, place: entryPlaceOf(work.key), readPlan: readPlanOf(work) });
  }
  const [source, target] = await Promise.all([see(reader, 'source', asked), see(reader, 'target', asked)]);
  return asked.map((one, i) => {
    const states = { source: source[i] as SideState, target: target[i] as SideState };
    return viewOf(one, states, assumedOf(one.readPlan));
  });
}

export function viewOf(
  { work, dataset, names, place }: Pick<KeyView, 'work' | 'dataset' | 'names' | 'place'>,
  states: KeyView['states'],
  assumed: Side | null,
): KeyView {
  const { source, target } = states;
  const agreed = newest(source.entry, target.entry);
  return { work, dataset, names, place, states, agreed, decision: decide(agreed, source, target), assumed };
}

function assumedOf({ source, target }: ReadPlan): Side | null {
  if (typeof source !== 'string') return 'source';
  return typeof target === 'string' ? null : 'target';
}

type Asked = Pick<KeyView, 'work' | 'dataset' | 'names' | 'place'> & { readonly readPlan: ReadPlan };

async function see(
  reader: ReaderContext,
  side: Side,
  asked: readonly Asked[],
): Promise<readonly SideState[]> {
  const questions: Question[] = [];
  for (const { names, place, dataset, readPlan } of asked) {
    const sight = readPlan[side];
    if (typeof sight === 'string')
      questions.push({ name: names[side], place, wanted: wantedOf(reader, dataset, sight) });
  }
  const { ports, keyspace, link, shard } = reader;
  const proofs = { lease: keyspace.lease(shard.name), record: keyspace.witness(shard.name) };
  const read =
    questions.length > 0 ? await readStates(ports[side], keyspace, link.name, questions, proofs) : [];
  let next = 0;
  return asked.map(({ readPlan, work }) => {
    const sight = readPlan[side];
    if (typeof sight !== 'string') return sight;
    const state = read[next++] as SideState;
    reader.streams.seen(work.key, state.stream);
    return state;
  });
}

function wantedOf({ typed }: ReaderContext, dataset: Dataset, sight: Exclude<Sight, SideState>): ReadDepth {
  if (sight !== 'value') return sight;
  if (typed) return 'plain';
  return dataset.transform === 'none' ? 'dump' : 'typed';
}

/**
 * How to read a key that has changed. The value of a side that has changed is read too, because most changes travel. If
 * only one side has changed and this attempt knows what the other side holds, the other side is not read. Without an
 * event of a side nothing is assumed: otherwise a key that was evicted or flushed would pass for present.
 */
export function readPlanOfChange({ known }: ReaderContext, work: DirtyKey): ReadPlan {
  const { source, target } = work.since;
  const only = onlySide(work.since);
  const there = only && known.get(work.key);
  if (only && there) {
    const other = knownState(there, otherSide(only));
    return only === 'source' ? { source: 'value', target: other } : { source: other, target: 'value' };
  }
  return {
    source: source === undefined ? 'digest' : 'value',
    target: target === undefined ? 'digest' : 'value',
  };
}

function onlySide({ source, target }: DirtyKey['since']): Side | null {
  if (source === undefined && target === undefined) return null;
  if (source === undefined) return 'target';
  return target === undefined ? 'source' : null;
}

/** The states and the ledger entries (bytes) that both sides hold. */
export type KnownState = Readonly<Record<Side, Digest>> & {
  readonly entries: Readonly<Record<Side, string>>;
  /** The side that we wrote last, whose next event is almost always that of our write; `null` = we expect none. */
  echo: Side | null;
};

/**
 * What both sides held when this attempt last saw a key agree. While the lease is ours, no other process writes ledger
 * entries. So after an event of one side only that side has to be read:
 *
 * - It is as we left it: nothing is left to do.
 * - It has changed: its state is written to the other side. The write compares the other side with what we know of it.
 * - The write is refused: we forget the key and read both sides.
 *
 * test/domain/explorer explores this. Two generations of at most `MOST` keys bound the memory. A key that is asked for
 * again moves to the young generation and stays.
 */
export class KnownStates {
  static readonly MOST = 32_768;
  #young = new Map<string, KnownState>();
  #old = new Map<string, KnownState>();

  /**
   * Remembers a key after a write.
   *
   * @param side where the write put the ledger entry, with the value or without it
   * @param state the state that the write left there
   * @param entry the bytes of that ledger entry
   * @param wrote the write changed the value, so an event of it will come
   */
  agreed({ work, states }: KeyView, side: Side, state: Digest, entry: string, wrote: boolean): void {
    const { source, target } = states;
    const echo = wrote ? side : null;
    this.#keep(
      work.key,
      side === 'source'
        ? {
            source: state,
            target: target.digest,
            entries: { source: entry, target: target.entryBytes },
            echo,
          }
        : {
            source: source.digest,
            target: state,
            entries: { source: source.entryBytes, target: entry },
            echo,
          },
    );
  }

  get(key: string): KnownState | null {
    const young = this.#young.get(key);
    if (young) return young;
    const old = this.#old.get(key);
    if (old) this.#keep(key, old);
    return old ?? null;
  }

  forget(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  #keep(key: string, known: KnownState): void {
    this.#young.set(key, known);
    if (this.#young.size < KnownStates.MOST) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/** What we know of one side, in the form of a read. */
function knownState(known: KnownState, side: Side): SideState {
  const entryBytes = known.entries[side];
  return {
    digest: known[side],
    nowMs: 0,
    value: NO_VALUE,
    stream: false,
    lease: null,
    proof: null,
    entry: decodeEntry(entryBytes),
    entryBytes,
  };
}

const NO_VALUE = { form: 'none' } as const;
