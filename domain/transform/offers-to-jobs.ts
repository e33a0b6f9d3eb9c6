import {
  type NamedDocument,
  readNames,
  type Refused,
  renameDocument,
  type RenameRule,
} from './json-names.ts';
import { type Place, ROOT, under } from './place.ts';
import { filledSpelling, type Part, placeAt, recall, spellingOf } from './remembered.ts';
import { canonicalOf, type Form, formOf, formsFor } from './spelling.ts';
import type { Lens, TransformableValue } from './value.ts';
import { sameBytes } from './splice.ts';
import { judgeSynonyms, type Named } from './synonyms.ts';

/**
 * Only renames: `offers|offres|job_data` → `jobs`, `offer_id(s)` → `job_id(s)`, `total_offers|total_offres` →
 * `total_jobs`. It renames hash fields, and JSON members outside the job list. Everything else stays the same to the
 * byte.
 */
export const offersToJobs: Lens = {
  up(value) {
    const read = readValue(value);
    if (!read.ok) return read;
    const spelling = spellingOf(read.parts);
    if (spelling === null)
      return { ok: false, reason: 'it spells its names in more ways than can be remembered' };
    const renamed = read.rename(() => toCanonical);
    return renamed.ok ? { ...renamed, spelling } : renamed;
  },
  down(value, spelling) {
    const read = readValue(value);
    if (!read.ok) return read;
    const { main, hasPlaces, at } = recall(spelling);
    const renamed = read.rename((part) =>
      hasPlaces
        ? (found, object) => formsFor(found, at(placeAt(part, { object }), found.concept))
        : (found) => formsFor(found, main),
    );
    return renamed.ok ? { ...renamed, spelling: filledSpelling(spelling, read.parts) } : renamed;
  },
};

const toCanonical: RenameRule = (found) => [canonicalOf(found)];

type Renamed = { readonly ok: true; readonly value: TransformableValue } | Refused;

type ReadValue = {
  readonly ok: true;
  readonly parts: readonly Part[];
  /** Returns the same object when nothing changes. */
  readonly rename: (ruleOf: (part: Part) => RenameRule) => Renamed;
};

function readValue(value: TransformableValue): ReadValue | Refused {
  if (value.kind === 'hash') {
    const read = readHash(value.fields);
    if (!read.ok) return read;
    const rename = (ruleOf: (part: Part) => RenameRule): Renamed => {
      const renamed = renameHash(read.hash, ruleOf);
      if (!renamed.ok) return renamed;
      const { fields } = renamed;
      return { ok: true, value: fields === value.fields ? value : { kind: 'hash', fields } };
    };
    return { ok: true, parts: read.hash.parts, rename };
  }
  const read = readNames(value.bytes, () => ROOT);
  if (!read.ok) return read;
  const { document } = read;
  if (!document) return { ok: true, parts: [], rename: () => ({ ok: true, value }) };
  const rename = (ruleOf: (part: Part) => RenameRule): Renamed => {
    const renamed = renameDocument(document, ruleOf(document));
    if (!renamed.ok) return renamed;
    return {
      ok: true,
      value: renamed.bytes === value.bytes ? value : { kind: 'string', bytes: renamed.bytes },
    };
  };
  return { ok: true, parts: [document], rename };
}

type Field = readonly [Uint8Array, Uint8Array];
type NamedField = Named & { readonly field: Field };

/** A hash in parts: the field names are one part of the value, and each field that holds a document is another. */
type NamedHash = {
  readonly fields: readonly Field[];
  readonly parts: readonly Part[];
  readonly own: Part;
  readonly names: ReadonlyMap<Field, Form>;
  readonly repeated: ReadonlySet<Field>;
  readonly documents: ReadonlyMap<Field, NamedDocument>;
};

const OWN_PLACES: ReadonlyMap<number, Place> = new Map([[0, ROOT]]);

/**
 * Reads the names of fields, and the names in the documents that fields hold. It does not read inside a field that
 * holds the jobs.
 */
function readHash(fields: readonly Field[]): { readonly ok: true; readonly hash: NamedHash } | Refused {
  const named = fields.flatMap(namedField);
  const judged = judgeSynonyms(named, (one, other) => sameBytes(one.field[1], other.field[1]));
  if (!judged.ok) return judged;
  const names = new Map(named.map(({ field, name }) => [field, name]));
  const documents = new Map<Field, NamedDocument>();
  for (const field of fields) {
    if (names.get(field)?.holdsJobs) continue;
    const read = readNames(field[1], () => under(ROOT, field[0]));
    if (!read.ok) return read;
    if (read.document) documents.set(field, read.document);
  }
  const own = { said: judged.said, places: () => OWN_PLACES };
  const repeated = new Set([...judged.repeated].map(({ field }) => field));
  return { ok: true, hash: { fields, parts: [own, ...documents.values()], own, names, repeated, documents } };
}

function namedField(field: Field): readonly NamedField[] {
  const name = formOf(field[0], 0, field[0].length);
  return name ? [{ field, name, object: 0, flat: true }] : [];
}

/** Returns the fields with other names; the very same list when nothing changes. */
function renameHash(
  { fields, own, names, repeated, documents }: NamedHash,
  ruleOf: (part: Part) => RenameRule,
): { readonly ok: true; readonly fields: readonly Field[] } | Refused {
  const ownRule = ruleOf(own);
  const renamed: Field[] = [];
  for (const field of fields) {
    const document = documents.get(field);
    const value = document
      ? renameDocument(document, ruleOf(document))
      : ({ ok: true, bytes: field[1] } as const);
    if (!value.ok) return value;
    if (!repeated.has(field)) renamed.push(...renameField(field, value.bytes, names.get(field), ownRule));
  }
  const changed = renamed.length !== fields.length || renamed.some((field, at) => field !== fields[at]);
  return { ok: true, fields: changed ? renamed : fields };
}

/** Returns the field under each name that the rule asks for; the same object when nothing changes. */
function renameField(
  field: Field,
  value: Uint8Array,
  name: Form | undefined,
  rule: RenameRule,
): readonly Field[] {
  const names = name ? rule(name, 0) : [];
  const kept = value === field[1] && names.every((other) => other === name);
  return kept
    ? [field]
    : (name ? names.map((other) => other.bytes) : [field[0]]).map((bytes) => [bytes, value]);
}
