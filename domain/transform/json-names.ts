import { membersOf, type Member } from './json-members.ts';
import { formOf, isEscapedForm, mayName, type Form } from './spelling.ts';
import { concatenated, sameBytes, splice, type Edit } from './splice.ts';
import { judgeSynonyms } from './synonyms.ts';
import type { Spelling } from './value.ts';

const COMMA = Uint8Array.of(0x2c);
const COLON = 0x3a;

type NamedMember = Member<Form>;

/** The names to write where one of the synonyms was found: one, or one more for each remembered synonym. */
export type Rule = (found: Form) => readonly Form[];

/** A text with new names, and the spelling of the names it had. */
export type Renamed =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly spelling: Spelling }
  | { readonly ok: false; readonly reason: string };

/** Renames the members of a JSON document; bytes that are none, or have none of the names, come back as they are. */
export function renameJson(bytes: Uint8Array, rule: Rule): Renamed {
  if (!mayName(bytes)) return { ok: true, bytes, spelling: 0 };
  let escaped = false;
  const recognise = (text: Uint8Array, start: number, end: number): Form | null => {
    const form = formOf(text, start, end);
    escaped ||= form === null && isEscapedForm(text, start, end);
    return form;
  };
  const members = membersOf(bytes, { recognise, isSealed: (name) => name.holdsJobs });
  if (members === null) return { ok: true, bytes, spelling: 0 };
  if (escaped) return { ok: false, reason: 'a name that would be renamed is written with escapes' };
  const judged = judgeSynonyms(members, (one, other) =>
    sameBytes(valueOf(bytes, one), valueOf(bytes, other)),
  );
  if (!judged.ok) return judged;
  if (members.some((member) => rule(member.name).length > 1 && judged.single.has(member))) {
    return { ok: false, reason: 'a thing that the source says under two names can no longer be said twice' };
  }
  const edits = members.flatMap((member) =>
    judged.repeated.has(member) ? [removal(member)] : renaming(bytes, member, rule(member.name)),
  );
  return { ok: true, bytes: splice(bytes, edits), spelling: judged.spelling };
}

/** A repeated member is never the first of its object: it goes with the comma in front of it. */
function removal(member: NamedMember): Edit {
  return { start: member.separator, end: member.valueEnd, pieces: [] };
}

/** The first name takes the place of the old one; each other stands in a member of its own right behind. */
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

/** What to put between a comma and a name, opening quote included, in the manner of the document. */
function gapFor(bytes: Uint8Array, member: NamedMember): Uint8Array {
  const before = bytes.subarray(member.separator + 1, member.nameStart);
  if (before.length > 1) return before;
  // The first member of `{"a": 1, "b": 2}` has no white space in front of it, but one behind its colon.
  const colon = bytes.indexOf(COLON, member.nameEnd);
  return concatenated([bytes.subarray(colon + 1, member.valueStart), before]);
}

function valueOf(bytes: Uint8Array, member: NamedMember): Uint8Array {
  return bytes.subarray(member.valueStart, member.valueEnd);
}
