import { toByteString } from './byte-string.ts';
import { globMatcher, literalPrefix } from './glob.ts';
import { renameKey, renamePattern, templatesOf } from './key-template.ts';
import { OUR_PREFIX } from './keyspace.ts';
import type { Dataset } from './plan.ts';
import { otherSide, type Side } from './side.ts';

export { ownershipProblems } from './ownership.ts';

/** Which keys of a link travel, and what each is called on the other side. Keys and patterns are byte strings. */
export type KeyMap = {
  /** The dataset that the key belongs to, by the key's name on this side; null: not ours to touch (L6). */
  owner(side: Side, key: string): Dataset | null;
  /** The name on the other side of a key that the dataset owns on this side. */
  counterpart(dataset: Dataset, side: Side, key: string): string;
  /** Literal prefixes of all owned keys, none a prefix of another, as CLIENT TRACKING … BCAST demands. */
  prefixes(side: Side): readonly string[];
  /** SCAN patterns of the dataset's keys on this side; they may match more than `owner` accepts. */
  patterns(dataset: Dataset, side: Side): readonly string[];
};

type Owner = {
  readonly dataset: Dataset;
  readonly patterns: Readonly<Record<Side, readonly string[]>>;
  readonly rename: (side: Side, key: string) => string | null;
  readonly owns: (side: Side, key: string) => boolean;
};

/**
 * The key map of one link's datasets.
 *
 * @throws Error when a dataset's rename has no inverse or misses a pattern: `ownershipProblems` tells it before
 */
export function makeKeyMap(datasets: readonly Dataset[]): KeyMap {
  const owners = datasets.map(ownerOf);
  const byName = new Map(owners.map((owner) => [owner.dataset.name, owner]));
  const known = (dataset: Dataset): Owner => {
    const owner = byName.get(dataset.name);
    if (!owner) throw new Error(`dataset ${dataset.name} is not part of this key map`);
    return owner;
  };
  return {
    owner: (side, key) => owners.find((owner) => owner.owns(side, key))?.dataset ?? null,
    counterpart(dataset, side, key) {
      const other = known(dataset).rename(side, key);
      if (other === null)
        throw new Error(`a key given as one of dataset ${dataset.name} does not fit its rename`);
      return other;
    },
    prefixes: (side) => shortest(owners.flatMap((owner) => owner.patterns[side].map(literalPrefix))),
    patterns: (dataset, side) => known(dataset).patterns[side],
  };
}

/**
 * Both names are judged whichever side asks, so that a key and its counterpart always have the same owner: else
 * a change would travel one way and not back.
 */
function ownerOf(dataset: Dataset): Owner {
  const templates = templatesOf(dataset);
  if (!templates) throw new Error(`the rename of dataset ${dataset.name} has no inverse`);
  const source = dataset.patterns.map(toByteString);
  const target = source.map((pattern) => {
    const renamed = renamePattern(pattern, templates.source, templates.target);
    if (renamed === null) throw new Error(`the rename of dataset ${dataset.name} misses one of its patterns`);
    return renamed;
  });
  const matchers = source.map(globMatcher);
  const excludes = dataset.excludes.map((pattern) => globMatcher(toByteString(pattern)));
  const excluded = (key: string) => key.startsWith(OUR_PREFIX) || excludes.some((matches) => matches(key));
  const rename = (side: Side, key: string) => renameKey(key, templates[side], templates[otherSide(side)]);
  const owns = (side: Side, key: string) => {
    const other = rename(side, key);
    if (other === null) return false;
    const sourceName = side === 'source' ? key : other;
    return matchers.some((matches) => matches(sourceName)) && !excluded(key) && !excluded(other);
  };
  return { dataset, patterns: { source, target }, rename, owns };
}

function shortest(prefixes: readonly string[]): readonly string[] {
  const all = [...new Set(prefixes)];
  return all.filter((prefix) => !all.some((other) => other !== prefix && prefix.startsWith(other)));
}
