import { renameKey, renamePattern, templatesOf, toByteString } from './key-template.ts';
import { globMatcher, literalPrefix } from './glob.ts';
import { OUR_PREFIX } from './keyspace.ts';
import { type Dataset, otherSide, type Side } from '../plan/plan.ts';

export { ownershipProblems } from './ownership.ts';

/** The keys of a link that travel, with their names on both sides. Keys and patterns are byte strings. */
export type KeyMap = {
  /**
   * Returns the dataset that owns the key, by the key's name on this side. `null` means that we must not touch the key.
   */
  owner(side: Side, key: string): Dataset | null;
  /**
   * Returns the name on the other side of a key that the dataset owns on this side.
   *
   * @throws Error when the dataset is not part of the map, or the key does not fit its rename
   */
  counterpart(dataset: Dataset, side: Side, key: string): string;
  /** Finds a key by its name on the source. `null` means that no dataset owns it. */
  locate(sourceKey: string): Located | null;
  /** Literal prefixes of all owned keys. None is a prefix of another, as CLIENT TRACKING … BCAST demands. */
  prefixes(side: Side): readonly string[];
  /** SCAN patterns of the dataset's keys on this side. They may match more keys than `owner` accepts. */
  patterns(dataset: Dataset, side: Side): readonly string[];
};

/** A key, with the dataset that owns it and its name on each side. */
export type Located = { readonly dataset: Dataset; readonly names: Readonly<Record<Side, string>> };

type Owner = {
  readonly dataset: Dataset;
  readonly patterns: Readonly<Record<Side, readonly string[]>>;
  readonly rename: (side: Side, key: string) => string | null;
  readonly owns: (side: Side, key: string) => boolean;
};

/**
 * Builds the key map of the datasets of one link.
 *
 * @throws Error when a dataset's rename has no inverse or misses a pattern; `ownershipProblems` reports this earlier
 */
export function makeKeyMap(datasets: readonly Dataset[]): KeyMap {
  const owners = datasets.map(ownerOf);
  const byName = new Map(owners.map((owner) => [owner.dataset.name, owner]));
  const known = (dataset: Dataset): Owner => {
    const owner = byName.get(dataset.name);
    if (!owner) throw new Error(`dataset ${dataset.name} is not part of this key map`);
    return owner;
  };
  const owner: KeyMap['owner'] = (side, key) => owners.find((one) => one.owns(side, key))?.dataset ?? null;
  const counterpart: KeyMap['counterpart'] = (dataset, side, key) => {
    const other = known(dataset).rename(side, key);
    if (other === null)
      throw new Error(`a key given as one of dataset ${dataset.name} does not fit its rename`);
    return other;
  };
  return {
    owner,
    counterpart,
    locate(sourceKey) {
      const dataset = owner('source', sourceKey);
      if (!dataset) return null;
      return { dataset, names: { source: sourceKey, target: counterpart(dataset, 'source', sourceKey) } };
    },
    prefixes: (side) => shortest(owners.flatMap((owner) => owner.patterns[side].map(literalPrefix))),
    patterns: (dataset, side) => known(dataset).patterns[side],
  };
}

/**
 * Builds the rules by which a dataset owns keys. They check both names of a key, whichever side asks. So a key and its
 * counterpart always have the same owner. Otherwise a change could travel one way and not back.
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
