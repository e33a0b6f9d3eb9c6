/**
 * The names with the same meaning. The plan's spelling (for documents that were created on V2) comes first, the
 * canonical one last. Each name is one bit of 16, and these bits are stored with the data: never reorder the names,
 * only append lists.
 */
const SYNONYMS = [
  ['offers', 'offres', 'job_data', 'jobs'],
  ['offer_id', 'job_id'],
  ['offer_ids', 'job_ids'],
  ['total_offers', 'total_offres', 'total_jobs'],
] as const;

/** A set of names, each as its bit. */
export type Bits = number;

/** One of the synonyms. */
export type Form = {
  readonly bytes: Uint8Array;
  readonly bit: Bits;
  /** The bits of all its synonyms, its own included. They identify the concept, and so the canonical name. */
  readonly concept: Bits;
  /** Its value is the partner's data, so nothing inside is renamed. */
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

export const CONCEPTS: readonly Bits[] = [...new Set(FORMS.map((form) => form.concept))];
const SYNONYMS_OF = new Map(
  CONCEPTS.map((concept) => [concept, FORMS.filter((form) => form.concept === concept)]),
);
export const LONGEST_FORM = Math.max(...FORMS.map((form) => form.bytes.length));
const BY_LENGTH = Array.from({ length: LONGEST_FORM + 1 }, (_, length) =>
  FORMS.filter((form) => form.bytes.length === length),
);
const IS_INITIAL = Array.from({ length: 256 }, (_, byte) => FORMS.some((form) => form.bytes[0] === byte));
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const UNICODE_ESCAPE = [BACKSLASH, 0x75, 0x30, 0x30];

/** Returns the form that these bytes are exactly; `null` when there is none. */
export function formOf(bytes: Uint8Array, start: number, end: number): Form | null {
  const candidates = BY_LENGTH[end - start] ?? [];
  return candidates.find((form) => standsAt(bytes, start, form.bytes)) ?? null;
}

/** True when the inside of a JSON string is one of the names, written with escapes. */
export function isEscapedForm(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 6 * LONGEST_FORM || !hasBackslash(bytes, start, end)) return false;
  const name = unescaped(bytes, start, end);
  return FORMS.some((form) => String.fromCharCode(...form.bytes) === name);
}

/** True when these bytes are one of the names, exactly or with escapes. */
export function isName(bytes: Uint8Array, start: number, end: number): boolean {
  return formOf(bytes, start, end) !== null || isEscapedForm(bytes, start, end);
}

/** Resolves the escapes of letters only, because no other escape stands in a name. */
function unescaped(bytes: Uint8Array, start: number, end: number): string {
  const text = String.fromCharCode(...bytes.subarray(start, end));
  return text.replace(/\\u00([0-9a-f]{2})/gi, (_escape, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
}

/**
 * True when these bytes, if they are a document, could have a member with one of the names. This is much cheaper than a
 * scan.
 */
export function mayName(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === BACKSLASH && isEscapedLetter(bytes, at)) return true;
    if (
      (byte === QUOTE || byte === APOSTROPHE) &&
      IS_INITIAL[bytes[at + 1] ?? 0] &&
      isQuotedForm(bytes, at + 1)
    )
      return true;
  }
  return false;
}

/** Returns the form that V2 uses. */
export function canonicalOf(form: Form): Form {
  return SYNONYMS_OF.get(form.concept)?.at(-1) ?? form;
}

/**
 * Returns the forms to write for a form's concept: the remembered forms, else the plan's form. The list is never empty.
 */
export function formsFor(form: Form, remembered: Bits): readonly Form[] {
  const synonyms = SYNONYMS_OF.get(form.concept) ?? [form];
  const forms = synonyms.filter((other) => (other.bit & remembered) !== 0);
  return forms.length > 0 ? forms : synonyms.slice(0, 1);
}

/**
 * Returns the remembered bits, plus the plan's form for each concept that the document has and that is not remembered.
 */
export function filledBits(remembered: Bits, document: Bits): Bits {
  const missing = CONCEPTS.filter((concept) => (document & concept) !== 0 && (remembered & concept) === 0);
  return missing.reduce((sum, concept) => sum | lowestBit(concept), remembered);
}

export function lowestBit(concept: Bits): Bits {
  return concept & -concept;
}

/** True for the escape of a character of the names. These are \u005f to \u0074. */
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

/**
 * True when one of the names stands here, with a quote behind it or the backslash in front of a quote. The reader of
 * the document checks the end of the name exactly.
 */
function isQuotedForm(bytes: Uint8Array, at: number): boolean {
  return FORMS.some((form) => isEnd(bytes[at + form.bytes.length]) && standsAt(bytes, at, form.bytes));
}

function isEnd(byte: number | undefined): boolean {
  return byte === QUOTE || byte === APOSTROPHE || byte === BACKSLASH;
}

function standsAt(bytes: Uint8Array, at: number, word: ArrayLike<number>): boolean {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word[index]) return false;
  }
  return true;
}
