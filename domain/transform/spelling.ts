import type { Spelling } from './value.ts';

/**
 * The names that mean the same: the plan's spelling (for documents born on V2) first, the canonical one last.
 * Each name is one bit of a `Spelling`, which is stored with the data: never reorder, append lists only.
 */
const SYNONYMS = [
  ['offers', 'offres', 'job_data', 'jobs'],
  ['offer_id', 'job_id'],
  ['offer_ids', 'job_ids'],
  ['total_offers', 'total_offres', 'total_jobs'],
] as const;

/** One of the synonyms. */
export type Form = {
  readonly bytes: Uint8Array;
  readonly bit: Spelling;
  /** The bits of all its synonyms, its own included: tells which canonical name it stands for. */
  readonly concept: Spelling;
  /** Its value is the partner's data: nothing inside is renamed. */
  readonly holdsJobs: boolean;
};

const FORMS: readonly Form[] = SYNONYMS.flatMap((names, index) => {
  const firstBit = SYNONYMS.slice(0, index).flat().length;
  return names.map((name, offset) => ({
    bytes: Uint8Array.from(name, (char) => char.charCodeAt(0)),
    bit: 1 << (firstBit + offset),
    concept: ((1 << names.length) - 1) << firstBit,
    holdsJobs: index === 0,
  }));
});

const CONCEPTS = [...new Set(FORMS.map((form) => form.concept))];
const SYNONYMS_OF = new Map(
  CONCEPTS.map((concept) => [concept, FORMS.filter((form) => form.concept === concept)]),
);
const LONGEST = Math.max(...FORMS.map((form) => form.bytes.length));
const BY_LENGTH = Array.from({ length: LONGEST + 1 }, (_, length) =>
  FORMS.filter((form) => form.bytes.length === length),
);
const IS_INITIAL = Array.from({ length: 256 }, (_, byte) => FORMS.some((form) => form.bytes[0] === byte));
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const UNICODE_ESCAPE = [BACKSLASH, 0x75, 0x30, 0x30];

/** The form that these bytes are, to the letter. */
export function formOf(bytes: Uint8Array, start: number, end: number): Form | null {
  const candidates = BY_LENGTH[end - start] ?? [];
  return candidates.find((form) => standsAt(bytes, start, form.bytes)) ?? null;
}

/** Whether the inside of a valid JSON string is one of the names written with escapes. */
export function isEscapedForm(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 6 * LONGEST || !hasBackslash(bytes, start, end)) return false;
  const name: unknown = JSON.parse(`"${String.fromCharCode(...bytes.subarray(start, end))}"`);
  return FORMS.some((form) => String.fromCharCode(...form.bytes) === name);
}

/** Whether these bytes, should they be JSON, could have a member with one of the names; much cheaper than to scan. */
export function mayName(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === BACKSLASH && isEscapedLetter(bytes, at)) return true;
    if (byte === QUOTE && IS_INITIAL[bytes[at + 1] ?? 0] && isQuotedForm(bytes, at + 1)) return true;
  }
  return false;
}

/** The form that V2 uses. */
export function canonicalOf(form: Form): Form {
  return SYNONYMS_OF.get(form.concept)?.at(-1) ?? form;
}

/** What to write where a form's concept occurs: the remembered forms, else the plan's. Never empty. */
export function formsFor(form: Form, spelling: Spelling): readonly Form[] {
  const synonyms = SYNONYMS_OF.get(form.concept) ?? [form];
  const remembered = synonyms.filter((other) => (other.bit & spelling) !== 0);
  return remembered.length > 0 ? remembered : synonyms.slice(0, 1);
}

/** The spelling of a document from those of two parts; null when the parts spell one concept differently. */
export function mergedSpelling(one: Spelling, other: Spelling): Spelling | null {
  const differ = CONCEPTS.some((concept) => {
    const first = one & concept;
    const second = other & concept;
    return first !== 0 && second !== 0 && first !== second;
  });
  return differ ? null : one | other;
}

/** A spelling completed by the plan's form for each concept that a document has and the spelling lacks. */
export function filledSpelling(spelling: Spelling, document: Spelling): Spelling {
  const missing = CONCEPTS.filter((concept) => (document & concept) !== 0 && (spelling & concept) === 0);
  return missing.reduce((sum, concept) => sum | (concept & -concept), spelling);
}

/** The characters of the names are \u005f to \u0074 when escaped. */
function isEscapedLetter(bytes: Uint8Array, at: number): boolean {
  const digit = bytes[at + 4] ?? 0;
  return digit >= 0x35 && digit <= 0x37 && standsAt(bytes, at, UNICODE_ESCAPE);
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) return true;
  }
  return false;
}

function isQuotedForm(bytes: Uint8Array, at: number): boolean {
  return FORMS.some((form) => bytes[at + form.bytes.length] === QUOTE && standsAt(bytes, at, form.bytes));
}

function standsAt(bytes: Uint8Array, at: number, word: ArrayLike<number>): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return false;
  }
  return true;
}
