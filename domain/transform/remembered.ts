import { exactText, patternText, type Place } from './place.ts';
import { type Bits, CONCEPTS, filledBits, lowestBit } from './spelling.ts';
import type { Said } from './synonyms.ts';
import type { Spelling } from './value.ts';

/** One document, or the field names of a hash: the names that its objects use, and the places of the objects. */
export type Part = {
  readonly said: readonly Said[];
  /** Places by the offset at which an object begins. They are computed only when they are needed. */
  readonly places: () => ReadonlyMap<number, Place>;
};

/**
 * The bytes of a spelling. The first two hold the main spelling: each name is one bit, and each concept has its most
 * common names. The main spelling holds for all places but those that follow. Each of those takes six bytes of place
 * and one byte of names. A value that spells each concept in one way has no places.
 */
const MAIN_BYTES = 2;
const PLACE_DIGEST_BYTES = 6;
export const PLACE_ENTRY_BYTES = PLACE_DIGEST_BYTES + 1;
/** 28 KB in a ledger entry. No document that an app writes needs more. */
const MOST_PLACES = 4_000;

type Spot = { readonly place: Place; readonly bits: Bits };

/** Returns how the parts of a value spell their names; `null` when there are more ways than a spelling can hold. */
export function spellingOf(parts: readonly Part[]): Spelling | null {
  const all = parts.flatMap(({ said }) => said);
  if (all.length === 0) return '';
  const main = CONCEPTS.reduce(
    (sum, concept) => sum | commonest(all.filter((one) => one.concept === concept)),
    0,
  );
  const mixed = new Set(
    all.filter(({ concept, bits }) => bits !== (main & concept)).map(({ concept }) => concept),
  );
  if (mixed.size === 0) return packed(main, new Map());
  const ways = new Map<string, Bits>();
  for (const concept of mixed) rememberWays(ways, spotsOf(parts, concept), concept, main & concept);
  if (ways.size > MOST_PLACES) return null;
  const spelling = packed(main, ways);
  return tellsAll(spelling, parts, mixed) ? spelling : null;
}

/**
 * The answers of a spelling. `at` returns the names for this very place, else for places with the same pattern, else
 * the main spelling. 0 means that there are none.
 */
export type Recall = {
  readonly main: Bits;
  readonly hasPlaces: boolean;
  at(place: Place, concept: Bits): Bits;
};

export function recall(spelling: Spelling): Recall {
  const main = mainOf(spelling);
  if (spelling.length <= MAIN_BYTES)
    return { main, hasPlaces: false, at: (_place, concept) => main & concept };
  const ways = new Map<string, number>();
  for (let at = MAIN_BYTES; at < spelling.length; at += PLACE_ENTRY_BYTES)
    ways.set(spelling.slice(at, at + PLACE_DIGEST_BYTES), spelling.charCodeAt(at + PLACE_DIGEST_BYTES));
  const at = (place: Place, concept: Bits) => {
    const told = ways.get(exactText(place, concept)) ?? ways.get(patternText(place, concept));
    return told === undefined ? main & concept : (told * lowestBit(concept)) & concept;
  };
  return { main, hasPlaces: true, at };
}

/**
 * Adds the names that the plan decided now, so that they are remembered from now on. Everything remembered stays, even
 * names that V2 dropped.
 */
export function filledSpelling(spelling: Spelling, parts: readonly Part[]): Spelling {
  const document = parts.reduce((sum, { said }) => said.reduce((all, { bits }) => all | bits, sum), 0);
  const main = filledBits(mainOf(spelling), document);
  return main === 0 ? spelling : bytesOf(main) + spelling.slice(MAIN_BYTES);
}

/** Returns a spelling that is the same at all places. */
export function plainSpelling(main: Bits): Spelling {
  return main === 0 ? '' : bytesOf(main);
}

function rememberWays(ways: Map<string, Bits>, spots: readonly Spot[], concept: Bits, main: Bits): void {
  for (const [pattern, alike] of byPattern(spots, concept)) {
    const usual = commonest(alike);
    if (usual !== main) ways.set(pattern, usual / lowestBit(concept));
    for (const { place, bits } of alike)
      if (bits !== usual) ways.set(exactText(place, concept), bits / lowestBit(concept));
  }
}

function spotsOf(parts: readonly Part[], concept: Bits): readonly Spot[] {
  return parts.flatMap((part) =>
    part.said
      .filter((one) => one.concept === concept)
      .map((one) => ({ place: placeAt(part, one), bits: one.bits })),
  );
}

function byPattern(spots: readonly Spot[], concept: Bits): ReadonlyMap<string, Spot[]> {
  const groups = new Map<string, Spot[]>();
  for (const spot of spots) {
    const pattern = patternText(spot.place, concept);
    const group = groups.get(pattern);
    if (group) group.push(spot);
    else groups.set(pattern, [spot]);
  }
  return groups;
}

/**
 * True when the spelling gives back the names of every place. Two places can have the same digest when an attacker
 * searched for such a pair; then this is false, and the transform refuses the value.
 */
function tellsAll(spelling: Spelling, parts: readonly Part[], mixed: ReadonlySet<Bits>): boolean {
  const recalled = recall(spelling);
  return parts.every((part) =>
    part.said.every(
      (one) => !mixed.has(one.concept) || recalled.at(placeAt(part, one), one.concept) === one.bits,
    ),
  );
}

export function placeAt(part: Part, { object }: Pick<Said, 'object'>): Place {
  const place = part.places().get(object);
  if (!place) throw new Error('an object of a document that was read stands nowhere in it');
  return place;
}

/** Returns the most common spelling; of two equally common ones the first. 0 means that there is none. */
function commonest(some: readonly { readonly bits: Bits }[]): Bits {
  const counts = new Map<Bits, number>();
  for (const { bits } of some) counts.set(bits, (counts.get(bits) ?? 0) + 1);
  let [most, found] = [0, 0];
  for (const [bits, count] of counts) if (count > most) [most, found] = [count, bits];
  return found;
}

function packed(main: Bits, ways: ReadonlyMap<string, Bits>): Spelling {
  const places = [...ways].map(([way, bits]) => way + String.fromCharCode(bits));
  return bytesOf(main) + places.join('');
}

function bytesOf(main: Bits): string {
  return String.fromCharCode(main >> 8, main & 0xff);
}

function mainOf(spelling: Spelling): Bits {
  return spelling === '' ? 0 : spelling.charCodeAt(0) * 256 + spelling.charCodeAt(1);
}
