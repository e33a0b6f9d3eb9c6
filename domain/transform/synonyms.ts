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
      /** The occurrences that may not be said again under another name: such copies could not be told again. */
      readonly single: ReadonlySet<Occurrence>;
    }
  | { readonly ok: false; readonly reason: string };

/** Above every `concept`; times the largest offset in a value of 512 MB it is still an exact number. */
const CONCEPT_LIMIT = 1 << 16;

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
    switch (relationOf(together, equal)) {
      case 'alone':
        break;
      case 'copies':
        for (const other of together.slice(1)) repeated.add(other);
        break;
      case 'indistinct':
        for (const each of together) single.add(each);
        break;
      case 'conflict':
        return { ok: false, reason: 'two names for the same thing stand side by side and differ' };
    }
    spelling = mergedSpelling(spelling, bitsOf(together));
    if (spelling === null) return { ok: false, reason: DIFFERENT_NAMES };
  }
  return { ok: true, spelling, repeated, single };
}

/** How the occurrences of one concept in one object stand to each other. `indistinct`: copies could not be told. */
function relationOf<Occurrence extends Named>(
  together: readonly Occurrence[],
  equal: (one: Occurrence, other: Occurrence) => boolean,
): 'alone' | 'copies' | 'indistinct' | 'conflict' {
  const [first] = together;
  if (!first) return 'alone';
  const sameName = bitsOf(together) === first.name.bit;
  if (sameName) return together.length === 1 && first.flat ? 'alone' : 'indistinct';
  const eachOnce = new Set(together.map(({ name }) => name)).size === together.length;
  return eachOnce && first.flat && together.every((other) => equal(first, other)) ? 'copies' : 'conflict';
}

function bitsOf(together: readonly Named[]): Spelling {
  return together.reduce((sum, { name }) => sum | name.bit, 0);
}

function byObjectAndConcept<Occurrence extends Named>(
  occurrences: readonly Occurrence[],
): Iterable<Occurrence[]> {
  const groups = new Map<number, Occurrence[]>();
  for (const occurrence of occurrences) {
    const key = occurrence.object * CONCEPT_LIMIT + occurrence.name.concept;
    const group = groups.get(key);
    if (group) group.push(occurrence);
    else groups.set(key, [occurrence]);
  }
  return groups.values();
}
