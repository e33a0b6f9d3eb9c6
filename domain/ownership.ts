import { toByteString } from './byte-string.ts';
import { commonKey } from './glob-overlap.ts';
import { STAR, tokensOf, type Token } from './glob-tokens.ts';
import { renamePattern, templatesOf } from './key-template.ts';
import { OUR_PREFIX } from './keyspace.ts';
import type { Dataset } from './plan.ts';
import { otherSide, type Side } from './side.ts';

/** What a dataset claims on one side: keys that match a pattern and no exclude. */
type Claim = {
  readonly dataset: Dataset;
  readonly patterns: readonly string[];
  readonly excludes: readonly string[];
};

/**
 * Why the datasets of a plan (of all stores together) may not be migrated as they are, one sentence each; empty =
 * every key has one owner at most, on V2 and on each source store. Errs on the side of a problem: an exclude that
 * cannot be carried over to a renamed key counts for nothing here.
 */
export function ownershipProblems(datasets: readonly Dataset[]): readonly string[] {
  const problems = datasets.flatMap(problemsOf);
  const sound = datasets.filter((dataset) => problemsOf(dataset).length === 0);
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
  return [...missed, ...bytewise];
}

/** Such a bracket surprises its author, and a range to it means different bytes on ARM (unsigned chars). */
function isBeyondAscii(token: Token): boolean {
  return token !== STAR && token.text.startsWith('[') && /[\x80-\xff]/.test(token.text);
}

function clashOf(one: Dataset, other: Dataset): readonly string[] {
  const sides: readonly Side[] = one.from === other.from ? ['source', 'target'] : ['target'];
  for (const side of sides) {
    const example = sharedKey(claimOf(one, side), claimOf(other, side));
    if (example !== null) {
      return [`datasets ${one.name} and ${other.name} could both own the ${side} key ${example}`];
    }
  }
  return [];
}

function sharedKey(one: Claim, other: Claim): string | null {
  const excludes = [...one.excludes, ...other.excludes];
  for (const pattern of one.patterns) {
    for (const second of other.patterns) {
      const overlap = commonKey([pattern, second], excludes);
      if (overlap.kind === 'key') return quoted(overlap.key);
      if (overlap.kind === 'unknown') return `that matches ${quoted(pattern)} and ${quoted(second)}`;
    }
  }
  return null;
}

/** The globs of a sound dataset on one side; its excludes are about both names, so they are carried over too. */
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
    patterns: dataset.patterns.flatMap((pattern) => here(toByteString(pattern), 'source')),
    excludes: [...excludes, ...excludes.flatMap((pattern) => here(pattern, otherSide(side)))],
  };
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
