import { documentStart, type Member, membersOf } from './json-members.ts';
import { type Place, placesOf } from './place.ts';
import type { Part } from './remembered.ts';
import { type Form, formOf, isEscapedForm, isName, LONGEST_FORM, mayName } from './spelling.ts';
import { concatenated, type Edit, sameBytes, splice } from './splice.ts';
import { judgeSynonyms, type Synonyms } from './synonyms.ts';
import { skipSpace } from './json-scalar.ts';

const COMMA = Uint8Array.of(0x2c);
const COLON = 0x3a;

type NamedMember = Member<Form>;

/**
 * Returns the names to write where one of the synonyms was found in an object: one name, or one for each remembered
 * synonym.
 */
export type RenameRule = (found: Form, object: number) => readonly Form[];

export type Refused = { readonly ok: false; readonly reason: string };

/** A JSON document that contains at least one of the names. */
export type NamedDocument = Part & {
  readonly bytes: Uint8Array;
  readonly members: readonly NamedMember[];
  readonly judged: Extract<Synonyms<NamedMember>, { ok: true }>;
};

/** `document` is `null` when there is nothing to rename, for a text that is JSON and for one that is not. */
type ReadText = { readonly ok: true; readonly document: NamedDocument | null } | Refused;

const NOTHING: ReadText = { ok: true, document: null };
const UNREADABLE: Refused = {
  ok: false,
  reason: 'the text cannot be read as JSON, and says a name that would be renamed',
};

/**
 * Reads the members of a JSON document that the transform renames. It refuses a text that contains one of the names and
 * cannot be read as JSON: only a text that was understood may count as "nothing to rename".
 */
export function readNames(bytes: Uint8Array, root: () => Place): ReadText {
  if (!looksLikeDocument(bytes) || !mayName(bytes)) return NOTHING;
  let escaped = false;
  const recognise = (text: Uint8Array, start: number, end: number): Form | null => {
    const form = formOf(text, start, end);
    escaped ||= form === null && isEscapedForm(text, start, end);
    return form;
  };
  const members = membersOf(bytes, { recognise, isSealed: (name) => name.holdsJobs });
  if (members === null) return saysName(bytes) ? UNREADABLE : NOTHING;
  if (escaped) return { ok: false, reason: 'a name that would be renamed is written with escapes' };
  const judged = judgeSynonyms(members, (one, other) =>
    sameBytes(valueOf(bytes, one), valueOf(bytes, other)),
  );
  if (!judged.ok) return judged;
  let places: ReadonlyMap<number, Place> | null = null;
  const wanted = () => new Set(judged.said.map(({ object }) => object));
  const document = {
    bytes,
    members,
    judged,
    said: judged.said,
    places: () => (places ??= placesOf(bytes, root(), wanted())),
  };
  return members.length === 0 ? NOTHING : { ok: true, document };
}

/** Returns the document with other names; the very same bytes when nothing changes. */
export function renameDocument(
  { bytes, members, judged }: NamedDocument,
  rule: RenameRule,
): { readonly ok: true; readonly bytes: Uint8Array } | Refused {
  const edits: Edit[] = [];
  for (const member of members) {
    const names = rule(member.name, member.object);
    if (names.length > 1 && judged.single.has(member))
      return {
        ok: false,
        reason: 'a thing that the source says under two names can no longer be said twice',
      };
    if (judged.repeated.has(member)) edits.push(removal(member));
    else for (const edit of renaming(bytes, member, names)) edits.push(edit);
  }
  return { ok: true, bytes: splice(bytes, edits) };
}

/** Removes a repeated member. It is never the first one of its object, so the comma in front of it goes too. */
function removal(member: NamedMember): Edit {
  return { start: member.separator, end: member.valueEnd, pieces: [] };
}

/** The first name takes the place of the old one. Each further name gets a member of its own behind it. */
function renaming(bytes: Uint8Array, member: NamedMember, names: readonly Form[]): readonly Edit[] {
  const { nameStart, nameEnd, valueEnd } = member;
  const [name = member.name, ...others] = names;
  const edits: Edit[] = [];
  if (name !== member.name) edits.push({ start: nameStart, end: nameEnd, pieces: [name.bytes] });
  if (others.length > 0) {
    const gap = gapFor(bytes, member);
    const rest = bytes.subarray(nameEnd, valueEnd);
    edits.push({
      start: valueEnd,
      end: valueEnd,
      pieces: others.flatMap((other) => [COMMA, gap, other.bytes, rest]),
    });
  }
  return edits;
}

/** Returns the bytes to put between a comma and a name, opening quote included, in the style of the document. */
function gapFor(bytes: Uint8Array, member: NamedMember): Uint8Array {
  const before = bytes.subarray(member.separator + 1, member.nameStart);
  if (before.length > 1) return before;
  // The first member of `{"a": 1, "b": 2}` has no white space in front of it, but it has some behind its colon.
  const colon = bytes.indexOf(COLON, member.nameEnd);
  return concatenated([bytes.subarray(colon + 1, member.valueStart), before]);
}

function valueOf(bytes: Uint8Array, member: NamedMember): Uint8Array {
  return bytes.subarray(member.valueStart, member.valueEnd);
}

const OPENINGS = [0x7b, 0x5b];
const QUOTES = [0x22, 0x27];
const BACKSLASH = 0x5c;
/** A name may write each of its characters as `\u0061`, which is six bytes. */
const LONGEST_TOKEN = 6 * LONGEST_FORM;

/**
 * True when the bytes were meant as a document: `{` or `[`, and behind it a visible ASCII character. No pickle and no
 * zlib stream begins like that. A compressed text may begin with such a byte by chance, but then no visible character
 * is behind it.
 */
function looksLikeDocument(bytes: Uint8Array): boolean {
  const start = documentStart(bytes);
  const next = bytes[skipSpace(bytes, start + 1)] ?? 0;
  return OPENINGS.includes(bytes[start] ?? 0) && next > 0x20 && next < 0x7f;
}

/**
 * True when a text contains one of the names in the form of a member name: in quotes of either kind, with a colon
 * behind. The caller asks this of a text that looks like a document and cannot be read: it may have been cut, be in
 * another charset, or be written by hand. If such a text travelled unchanged, the other side would not find the name
 * that it expects.
 */
function saysName(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if (QUOTES.includes(bytes[at] ?? 0) && isNameToken(bytes, at)) return true;
  }
  return false;
}

function isNameToken(bytes: Uint8Array, opening: number): boolean {
  const closing = bytes.subarray(opening + 1, opening + 2 + LONGEST_TOKEN).indexOf(bytes[opening] ?? 0);
  if (closing < 0) return false;
  const behind = opening + 1 + closing;
  if (bytes[skipSpace(bytes, behind + 1)] !== COLON) return false;
  // A document that was quoted once too often contains `\"offers\":`.
  const end = bytes[behind - 1] === BACKSLASH ? behind - 1 : behind;
  return isName(bytes, opening + 1, end);
}
