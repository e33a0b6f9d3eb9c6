import type { Bits, Form } from './spelling.ts';

/** One occurrence of a name in an object, or of a field in a hash. */
export type Named = { readonly name: Form; readonly object: number; readonly flat: boolean };

/** The names by which one object says one concept: one name, or several with the same value. */
export type Said = { readonly object: number; readonly concept: Bits; readonly bits: Bits };

export type Synonyms<Occurrence> =
  | {
      readonly ok: true;
      readonly said: readonly Said[];
      /** The occurrences that repeat, under another name, the value of an earlier one in their object. */
      readonly repeated: ReadonlySet<Occurrence>;
      /**
       * The occurrences that must not be repeated under another name, because such copies could not be recognised
       * again.
       */
      readonly single: ReadonlySet<Occurrence>;
    }
  | { readonly ok: false; readonly reason: string };

/** Greater than every `concept`. Times the largest offset in a value of 512 MB it is still an exact number. */
const CONCEPT_LIMIT = 1 << 16;

/**
 * Judges the names of one document. Each object may name a concept in its own way. Two synonyms may stand in one object
 * only when one can stand for all: they are equal to the byte, each name occurs once, and nothing inside is to be
 * renamed. Otherwise copies within copies would double with each level when `down` writes them again.
 */
export function judgeSynonyms<Occurrence extends Named>(
  occurrences: readonly Occurrence[],
  equal: (one: Occurrence, other: Occurrence) => boolean,
): Synonyms<Occurrence> {
  const said: Said[] = [];
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
    const [first] = together;
    if (first) said.push({ object: first.object, concept: first.name.concept, bits: bitsOf(together) });
  }
  return { ok: true, said, repeated, single };
}

/**
 * Returns how the occurrences of one concept in one object relate. `indistinct` means that copies could not be
 * recognised.
 */
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

function bitsOf(together: readonly Named[]): Bits {
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
