import { mergedSpelling, type Form } from './spelling.ts';
import type { Spelling } from './value.ts';

/** One occurrence of a name in an object (or of a field in a hash). */
export type Named = { readonly name: Form; readonly object: number; readonly flat: boolean };

export type Synonyms<Occurrence> =
  | {
      readonly ok: true;
      /** How the document spells each concept that occurs. */
      readonly spelling: Spelling;
      /** The occurrences that say again, under another name, what an earlier one of their object says. */
      readonly repeated: ReadonlySet<Occurrence>;
      /** The occurrences that may not be said again under another name: their object could not be judged any more. */
      readonly single: ReadonlySet<Occurrence>;
    }
  | { readonly ok: false; readonly reason: string };

export const DIFFERENT_NAMES = 'the document names the same thing in different ways';

/**
 * Judges the names of one document. Each object must spell a concept as the others do; two synonyms may stand in
 * one object only if one stands for all: equal to the byte, each name once, and nothing to rename inside (copies
 * within copies would double with each level on the way down).
 */
export function judgeSynonyms<Occurrence extends Named>(
  occurrences: readonly Occurrence[],
  equal: (one: Occurrence, other: Occurrence) => boolean,
): Synonyms<Occurrence> {
  let spelling: Spelling | null = 0;
  const repeated = new Set<Occurrence>();
  const single = new Set<Occurrence>();
  for (const together of byObjectAndConcept(occurrences)) {
    const [first, ...rest] = together;
    const bits = together.reduce((sum, { name }) => sum | name.bit, 0);
    if (first && bits !== first.name.bit) {
      const eachOnce = new Set(together.map(({ name }) => name)).size === together.length;
      const oneForAll = eachOnce && first.flat && rest.every((other) => equal(first, other));
      if (!oneForAll)
        return { ok: false, reason: 'two names for the same thing stand side by side and differ' };
      for (const other of rest) repeated.add(other);
    } else if (rest.length > 0 || !first?.flat) {
      for (const each of together) single.add(each);
    }
    spelling = mergedSpelling(spelling, bits);
    if (spelling === null) return { ok: false, reason: DIFFERENT_NAMES };
  }
  return { ok: true, spelling, repeated, single };
}

function byObjectAndConcept<Occurrence extends Named>(
  occurrences: readonly Occurrence[],
): Iterable<Occurrence[]> {
  const groups = new Map<string, Occurrence[]>();
  for (const occurrence of occurrences) {
    const key = `${occurrence.object} ${occurrence.name.concept}`;
    const group = groups.get(key);
    if (group) group.push(occurrence);
    else groups.set(key, [occurrence]);
  }
  return groups.values();
}
