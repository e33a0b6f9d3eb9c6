import { renameJson, type Renamed, type Rule } from './json-names.ts';
import { formOf, mergedSpelling, type Form } from './spelling.ts';
import { sameBytes } from './splice.ts';
import { DIFFERENT_NAMES, judgeSynonyms, type Named } from './synonyms.ts';
import type { Spelling } from './value.ts';

type Field = readonly [Uint8Array, Uint8Array];
type NamedField = Named & { readonly field: Field };

export type RenamedHash =
  | { readonly ok: true; readonly fields: readonly Field[]; readonly spelling: Spelling }
  | { readonly ok: false; readonly reason: string };

/**
 * Renames the fields of a hash, and the members of those field values that are JSON documents: all together one
 * document with one spelling. The value of a field that holds the jobs is not looked into.
 */
export function renameHash(fields: readonly Field[], rule: Rule): RenamedHash {
  const named = fields.flatMap(namedField);
  const judged = judgeSynonyms(named, (one, other) => sameBytes(one.field[1], other.field[1]));
  if (!judged.ok) return judged;
  const names = new Map(named.map(({ field, name }) => [field, name]));
  const repeated = new Set([...judged.repeated].map(({ field }) => field));
  const renamed: Field[] = [];
  let spelling: Spelling | null = judged.spelling;
  for (const field of fields) {
    const name = names.get(field);
    const value = renameValue(field, name, rule);
    if (!value.ok) return value;
    spelling = mergedSpelling(spelling, value.spelling);
    if (spelling === null) return { ok: false, reason: DIFFERENT_NAMES };
    if (!repeated.has(field)) renamed.push(...renameField(field, value.bytes, name, rule));
  }
  const changed = renamed.length !== fields.length || renamed.some((field, at) => field !== fields[at]);
  return { ok: true, fields: changed ? renamed : fields, spelling };
}

function namedField(field: Field): readonly NamedField[] {
  const name = formOf(field[0], 0, field[0].length);
  return name ? [{ field, name, object: 0, flat: true }] : [];
}

function renameValue([, value]: Field, name: Form | undefined, rule: Rule): Renamed {
  return name?.holdsJobs ? { ok: true, bytes: value, spelling: 0 } : renameJson(value, rule);
}

/** The field under each name that the rule asks for; the same object when that changes nothing. */
function renameField(field: Field, value: Uint8Array, name: Form | undefined, rule: Rule): readonly Field[] {
  const names = name ? rule(name) : [];
  const kept = value === field[1] && names.every((other) => other === name);
  return kept
    ? [field]
    : (name ? names.map((other) => other.bytes) : [field[0]]).map((bytes) => [bytes, value]);
}
