import { ABSENT } from '../../domain/digest.ts';
import type { KeyMap } from '../../domain/key-map.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import { newest } from '../../domain/ledger-entry.ts';
import type { Dataset } from '../../domain/plan.ts';
import type { Shard } from '../../domain/shard.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { placeOf } from '../ledger.ts';
import { lensFor } from './carry.ts';
import type { Work } from './dirty-keys.ts';
import { type KnownKeys, knownState } from './known-keys.ts';
import type { Pair } from './pair.ts';
import type { SideState } from './read-reply.ts';
import { type Question, readStates, type Wanted } from './read-states.ts';
import type { SidePorts } from './side-port.ts';

export type Looking = {
  readonly link: string;
  readonly shard: Shard;
  readonly keyspace: Keyspace;
  readonly keyMap: KeyMap;
  readonly ports: SidePorts;
  readonly known: KnownKeys;
  /** Values travel by commands: the servers do not restore each other's DUMP. */
  readonly typed: boolean;
};

/** How one side of a key is seen: its state, its value too, or not at all: what is known of it stands for it. */
export type Sight = 'digest' | 'value' | SideState;
export type Sights = Readonly<Record<Side, Sight>>;

/** What a key that was never carried is taken for on the other side: the write's compare-and-set proves it. */
export const NEVER_SEEN: SideState = {
  digest: ABSENT,
  nowMs: 0,
  value: { form: 'none' },
  proof: null,
  entry: null,
  entryBytes: '',
};

/** Both sides of each key, each side's keys in one atomic look. Keys that no dataset owns are left out. */
export async function look(
  looking: Looking,
  works: readonly Work[],
  sightsOf: (work: Work) => Sights,
): Promise<Pair[]> {
  const asked: Asked[] = [];
  for (const work of works) {
    const dataset = looking.keyMap.owner('source', work.key);
    if (!dataset) continue;
    const names = { source: work.key, target: looking.keyMap.counterpart(dataset, 'source', work.key) };
    asked.push({ work, dataset, names, place: placeOf(work.key), sights: sightsOf(work) });
  }
  const [source, target] = await Promise.all([see(looking, 'source', asked), see(looking, 'target', asked)]);
  return asked.map(({ work, dataset, names, place, sights }, i) => {
    const states = { source: source[i] as SideState, target: target[i] as SideState };
    const agreed = newest(states.source.entry, states.target.entry);
    return { work, dataset, names, place, states, agreed, assumed: assumedOf(sights) };
  });
}

function assumedOf({ source, target }: Sights): Side | null {
  if (typeof source !== 'string') return 'source';
  return typeof target === 'string' ? null : 'target';
}

type Asked = Pick<Pair, 'work' | 'dataset' | 'names' | 'place'> & { readonly sights: Sights };

async function see(looking: Looking, side: Side, asked: readonly Asked[]): Promise<readonly SideState[]> {
  const questions: Question[] = [];
  for (const { names, place, dataset, sights } of asked) {
    const sight = sights[side];
    if (typeof sight === 'string')
      questions.push({ name: names[side], place, wanted: wantedOf(looking, dataset, sight) });
  }
  const { ports, keyspace, link, shard } = looking;
  const proofs = { lease: keyspace.lease(shard.name), record: keyspace.witness(shard.name) };
  const read = questions.length > 0 ? await readStates(ports[side], keyspace, link, questions, proofs) : [];
  let next = 0;
  return asked.map(({ sights }) => {
    const sight = sights[side];
    return typeof sight === 'string' ? (read[next++] as SideState) : sight;
  });
}

function wantedOf({ typed }: Looking, dataset: Dataset, sight: 'digest' | 'value'): Wanted {
  if (sight === 'digest') return 'digest';
  if (typed) return 'plain';
  return lensFor(dataset) ? 'typed' : 'dump';
}

/**
 * How to look at a key that changed. A side that changed is read whole: most changes travel. The other side is not
 * read where this attempt knows what it holds. Where nobody told of a change, nothing is taken for known: what was evicted
 * or flushed would be taken for there (L5).
 */
export function changeSights({ known }: Looking, work: Work): Sights {
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

function onlySide({ source, target }: Work['since']): Side | null {
  if (source === undefined && target === undefined) return null;
  if (source === undefined) return 'target';
  return target === undefined ? 'source' : null;
}
