import { toByteString } from '../../domain/keys/key-template.ts';
import { globMatcher } from '../../domain/keys/glob.ts';
import { type KeyMap, makeKeyMap } from '../../domain/keys/key-map.ts';
import { OUR_PREFIX } from '../../domain/keys/keyspace.ts';
import type { Dataset } from '../../domain/plan/plan.ts';
import { keyBatches, repliesOf } from '../backup/copies.ts';
import { byteString, keyBytes } from '../client/key-bytes.ts';
import type { LinkUnderTest } from './finding.ts';

const SCAN_BUDGET_MS = 20_000;
const SAMPLES = 200;
const SHAPES = 8;

/** A key of a dataset, with its name on the other side (`there`). Both are byte strings. */
export type KeySample = { readonly dataset: Dataset; readonly key: string; readonly there: string };

/** The keys of a link's source, as far as a scan of limited time has met them. */
export type Inventory = {
  readonly scanned: number;
  /** False: the scan ran out of time, so all counts are lower bounds. */
  readonly complete: boolean;
  readonly perDataset: ReadonlyMap<string, number>;
  readonly unmatched: number;
  readonly unmatchedShapes: readonly string[];
  /** Keys whose name on V2 is also the name of a key from another link. */
  readonly contested: number;
  /** Keys whose name on V2 is already taken there; `occupiedSamples` holds some of them. */
  readonly occupied: number;
  readonly occupiedSamples: readonly KeySample[];
  readonly samples: readonly KeySample[];
};

type Draft = {
  scanned: number;
  unmatched: number;
  contested: number;
  occupied: number;
  readonly shapes: Map<string, number>;
  readonly perDataset: Map<string, number>;
  readonly samples: KeySample[];
  readonly occupiedSamples: KeySample[];
};

/**
 * Scans the source of a link for at most 20 s, and checks for each owned key whether its name on V2 is taken there, or
 * wanted by another link.
 */
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

/** Returns a test for keys that need no owner: our own keys, and keys that the plan leaves behind on purpose. */
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
): KeySample[] {
  const owned: KeySample[] = [];
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

/** Keeps a random sample of the owned keys (reservoir sampling), so that late keys of the scan get their chance too. */
function reservoir(draft: Draft, sample: KeySample): void {
  if (draft.samples.length < SAMPLES) draft.samples.push(sample);
  else {
    const place = Math.floor(Math.random() * draft.scanned);
    if (place < SAMPLES) draft.samples[place] = sample;
  }
}

async function lookAcross(
  owned: readonly KeySample[],
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

/** Returns how many of the V2 names another link maps a key to that exists on the source of that link. */
async function wantedBy(rival: LinkUnderTest, owned: readonly KeySample[]): Promise<number> {
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

/**
 * Returns the shape of a key (byte string), which identifies no person. A prefix of letters stays; the rest is
 * replaced by its kind. `user_4711` → `user_…`; an MD5 → `hex(32)`; digits → `number`; other keys → `text(<length>)`
 * or `binary(<length>)`.
 */
export function keyShape(key: string): string {
  const prefix = /^([A-Za-z]{1,24}[:_.\-/])/.exec(key)?.[1];
  if (prefix !== undefined) return `${prefix}…`;
  if (/^\d+$/.test(key)) return 'number';
  if (/^[0-9a-f]{8,}$/i.test(key)) return `hex(${key.length})`;
  return /^[\x20-\x7e]*$/.test(key) ? `text(${key.length})` : `binary(${key.length})`;
}
