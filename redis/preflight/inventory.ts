import { toByteString } from '../../domain/byte-string.ts';
import { globMatcher } from '../../domain/glob.ts';
import { type KeyMap, makeKeyMap } from '../../domain/key-map.ts';
import { OUR_PREFIX } from '../../domain/keyspace.ts';
import type { Dataset } from '../../domain/plan.ts';
import { keyBatches, repliesOf } from '../backup/copies.ts';
import { byteString, keyBytes } from '../key-bytes.ts';
import { keyShape } from './key-shape.ts';
import type { LinkUnderTest } from './subject.ts';

const SCAN_BUDGET_MS = 20_000;
const SAMPLES = 200;
const SHAPES = 8;

/** A key of a dataset with its name on the other side (byte strings). */
export type Sample = { readonly dataset: Dataset; readonly key: string; readonly there: string };

/** The keys of a link's source, as far as a bounded scan saw them. */
export type Inventory = {
  readonly scanned: number;
  /** False: time was over first, all counts are lower bounds. */
  readonly complete: boolean;
  readonly perDataset: ReadonlyMap<string, number>;
  readonly unmatched: number;
  readonly unmatchedShapes: readonly string[];
  /** Keys whose name on V2 another link also maps a key of its own to. */
  readonly contested: number;
  /** Keys whose name on V2 is taken there already, and some of them to look at. */
  readonly occupied: number;
  readonly occupiedSamples: readonly Sample[];
  readonly samples: readonly Sample[];
};

type Draft = {
  scanned: number;
  unmatched: number;
  contested: number;
  occupied: number;
  readonly shapes: Map<string, number>;
  readonly perDataset: Map<string, number>;
  readonly samples: Sample[];
  readonly occupiedSamples: Sample[];
};

export async function makeInventory(
  link: LinkUnderTest,
  links: readonly LinkUnderTest[],
): Promise<Inventory> {
  const keys = makeKeyMap(link.datasets);
  const known = knownKeys(link);
  const rivals = links.filter((other) => other.name !== link.name);
  const draft: Draft = {
    scanned: 0,
    unmatched: 0,
    contested: 0,
    occupied: 0,
    shapes: new Map(),
    perDataset: new Map(link.datasets.map((dataset) => [dataset.name, 0])),
    samples: [],
    occupiedSamples: [],
  };
  const over = AbortSignal.timeout(SCAN_BUDGET_MS);
  let complete = true;
  try {
    for (const { redis } of link.source.servers)
      for await (const batch of keyBatches(redis, over)) {
        const owned = sortOut(batch.map(byteString), keys, known, draft);
        await lookAcross(owned, link, rivals, draft);
      }
  } catch (error) {
    if (!over.aborted) throw error;
    complete = false;
  }
  const { shapes, ...counts } = draft;
  const common = [...shapes].sort((one, other) => other[1] - one[1]).slice(0, SHAPES);
  return { ...counts, complete, unmatchedShapes: common.map(([shape, count]) => `${shape} × ${count}`) };
}

/** Keys that need no owner: our own, and those that the plan leaves behind on purpose. */
function knownKeys(link: LinkUnderTest): (key: string) => boolean {
  const patterns = [
    ...(link.source.store.ignore ?? []),
    ...link.datasets.flatMap((dataset) => dataset.excludes),
  ];
  const matchers = patterns.map((pattern) => globMatcher(toByteString(pattern)));
  return (key) => key.startsWith(OUR_PREFIX) || matchers.some((matches) => matches(key));
}

function sortOut(
  batch: readonly string[],
  keys: KeyMap,
  known: (key: string) => boolean,
  draft: Draft,
): Sample[] {
  const owned: Sample[] = [];
  for (const key of batch) {
    draft.scanned++;
    const dataset = keys.owner('source', key);
    if (dataset) {
      draft.perDataset.set(dataset.name, (draft.perDataset.get(dataset.name) ?? 0) + 1);
      owned.push({ dataset, key, there: keys.counterpart(dataset, 'source', key) });
    } else if (!known(key)) {
      draft.unmatched++;
      const shape = keyShape(key);
      draft.shapes.set(shape, (draft.shapes.get(shape) ?? 0) + 1);
    }
  }
  for (const sample of owned) reservoir(draft, sample);
  return owned;
}

/** Every key has the same chance to be looked at closely. */
function reservoir(draft: Draft, sample: Sample): void {
  if (draft.samples.length < SAMPLES) draft.samples.push(sample);
  else {
    const place = Math.floor(Math.random() * draft.scanned);
    if (place < SAMPLES) draft.samples[place] = sample;
  }
}

async function lookAcross(
  owned: readonly Sample[],
  link: LinkUnderTest,
  rivals: readonly LinkUnderTest[],
  draft: Draft,
): Promise<void> {
  if (owned.length === 0) return;
  const pipeline = link.target.redis.pipeline();
  for (const { there } of owned) pipeline.exists(keyBytes(there));
  const taken = await repliesOf<number>(pipeline);
  const occupied = owned.filter((_sample, index) => taken[index] === 1);
  draft.occupied += occupied.length;
  draft.occupiedSamples.push(...occupied.slice(0, SAMPLES - draft.occupiedSamples.length));
  for (const rival of rivals) draft.contested += await wantedBy(rival, owned);
}

/** How many of the V2 names another link maps a key to that exists on its own source. */
async function wantedBy(rival: LinkUnderTest, owned: readonly Sample[]): Promise<number> {
  const keys = makeKeyMap(rival.datasets);
  const pipeline = rival.source.redis.pipeline();
  for (const { there } of owned) {
    const dataset = keys.owner('target', there);
    if (dataset) pipeline.exists(keyBytes(keys.counterpart(dataset, 'target', there)));
  }
  if (pipeline.length === 0) return 0;
  const wanted = await repliesOf<number>(pipeline);
  return wanted.filter((exists) => exists === 1).length;
}
