import { renamePattern, templatesOf, toByteString } from './key-template.ts';
import { commonKey, comparedGlob, type ComparedGlob, mayShareKey } from './glob-overlap.ts';
import { STAR, type Token, tokensOf } from './glob.ts';
import { OUR_PREFIX } from './keyspace.ts';
import { type Dataset, otherSide, type Side } from '../plan/plan.ts';

/** The keys that a dataset claims on one side: they match a pattern and no exclude. */
type Claim = {
  readonly dataset: Dataset;
  readonly patterns: readonly ComparedGlob[];
  readonly excludes: readonly string[];
};

type Claims = Readonly<Record<Side, Claim>>;

/**
 * Returns the reasons why the datasets of a plan (of all stores together) may not be migrated as they are, one sentence
 * each. An empty list means that every key has at most one owner, on V2 and on each source store. In doubt the function
 * reports a problem: it ignores an exclude that cannot be translated to the renamed key.
 */
export function ownershipProblems(datasets: readonly Dataset[]): readonly string[] {
  const problems: string[] = [];
  // Each dataset is compared with each other one, so what is compared is made only once.
  const sound: Claims[] = [];
  for (const dataset of datasets) {
    const found = problemsOf(dataset);
    problems.push(...found);
    if (found.length === 0)
      sound.push({ source: claimOf(dataset, 'source'), target: claimOf(dataset, 'target') });
  }
  for (const [index, one] of sound.entries()) {
    for (const other of sound.slice(index + 1)) problems.push(...clashOf(one, other));
  }
  return problems;
}

function problemsOf(dataset: Dataset): readonly string[] {
  const templates = templatesOf(dataset);
  if (!templates) return [`dataset ${dataset.name}: both sides of a rename need exactly one *`];
  const missed = dataset.patterns
    .filter((pattern) => renamePattern(toByteString(pattern), templates.source, templates.target) === null)
    .map((pattern) => `dataset ${dataset.name}: the rename does not cover every key of ${quoted(pattern)}`);
  const bytewise = [...dataset.patterns, ...dataset.excludes]
    .filter((pattern) => tokensOf(toByteString(pattern)).some(isBeyondAscii))
    .map(
      (pattern) =>
        `dataset ${dataset.name}: brackets match single bytes, so no accents in ${quoted(pattern)}`,
    );
  // When a bracket has different meanings on different platforms, it is not sure which keys it matches.
  return missed.length + bytewise.length > 0 ? [...missed, ...bytewise] : deadPatterns(dataset);
}

/**
 * Finds patterns that no key can match. A dataset that owns nothing would be compared, would count as equal, and the
 * mistake would stay unseen.
 */
function deadPatterns(dataset: Dataset): readonly string[] {
  const { excludes } = claimOf(dataset, 'source');
  const compared = excludes.map(comparedGlob);
  const isDead = (pattern: string): boolean => {
    const own = comparedGlob(pattern);
    const isFree = mayShareKey(own, own) && !compared.some((exclude) => mayShareKey(own, exclude));
    return !isFree && commonKey([pattern], excludes).kind === 'none';
  };
  return dataset.patterns
    .filter((pattern) => isDead(toByteString(pattern)))
    .map(
      (pattern) =>
        `dataset ${dataset.name}: no key can match ${quoted(pattern)} beside the excludes and our own ${OUR_PREFIX}*`,
    );
}

/**
 * True for a bracket with bytes beyond ASCII. Such a bracket surprises its author, and a range up to such a byte means
 * different bytes on ARM (unsigned chars).
 */
function isBeyondAscii(token: Token): boolean {
  return token !== STAR && token.text.startsWith('[') && /[\x80-\xff]/.test(token.text);
}

function clashOf(one: Claims, other: Claims): readonly string[] {
  const [{ dataset: first }, { dataset: second }] = [one.source, other.source];
  const sides: readonly Side[] = first.from === second.from ? ['source', 'target'] : ['target'];
  for (const side of sides) {
    const example = sharedKey(one[side], other[side]);
    if (example !== null)
      return [`datasets ${first.name} and ${second.name} could both own the ${side} key ${example}`];
  }
  return [];
}

function sharedKey(one: Claim, other: Claim): string | null {
  for (const first of one.patterns) {
    for (const second of other.patterns) {
      if (!mayShareKey(first, second)) continue;
      const overlap = commonKey([first.pattern, second.pattern], [...one.excludes, ...other.excludes]);
      if (overlap.kind === 'key') return quoted(overlap.key);
      if (overlap.kind === 'unknown')
        return `that matches ${quoted(first.pattern)} and ${quoted(second.pattern)}`;
    }
  }
  return null;
}

/**
 * Returns the globs of a valid dataset on one side. Its excludes apply to both names of a key, so those for the other
 * name are translated too.
 */
function claimOf(dataset: Dataset, side: Side): Claim {
  const templates = templatesOf(dataset);
  if (!templates) throw new Error(`the rename of dataset ${dataset.name} has no inverse`);
  const here = (pattern: string, from: Side): readonly string[] => {
    const renamed = renamePattern(pattern, templates[from], templates[side]);
    return renamed === null ? [] : [renamed];
  };
  const excludes = [...dataset.excludes.map(toByteString), `${OUR_PREFIX}*`];
  return {
    dataset,
    patterns: dataset.patterns.flatMap((pattern) => here(toByteString(pattern), 'source')).map(comparedGlob),
    excludes: [...excludes, ...excludes.flatMap((pattern) => here(pattern, otherSide(side)))],
  };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
