import { documentStart } from './json-members.ts';
import { stringEnd } from './json-scalar.ts';
import { canonicalOf, formOf } from './spelling.ts';

/** Digest of a path down into a value. Each step extends it, so even a deep document costs no more than its length. */
export type Way = readonly [number, number];

/**
 * Place of an object. `exact` is its very path. `pattern` treats all elements of an array, and all repeated members, as
 * one.
 */
export type Place = { readonly exact: Way; readonly pattern: Way };

const MEMBER = 1;
const ELEMENT = 2;
const REPEATED = 3;
const EXACT = 4;
const PATTERN = 5;
const NOTHING = new Uint8Array();
const START: Way = [0x2f0b4c47, 0x51ed270b];

export const ROOT: Place = { exact: START, pattern: START };

/**
 * Returns the place of the value of a member or hash field. A name that the transform renames leads to the same place
 * on both sides.
 */
export function under(place: Place, name: Uint8Array, repeated = 0): Place {
  const form = formOf(name, 0, name.length);
  const told = form ? canonicalOf(form).bytes : name;
  const exact = step(place.exact, MEMBER, told);
  const pattern = place.exact === place.pattern ? exact : step(place.pattern, MEMBER, told);
  return { exact: repeated === 0 ? exact : step(exact, REPEATED, digits(repeated)), pattern };
}

function elementOf({ exact, pattern }: Place, index: number): Place {
  return { exact: step(exact, ELEMENT, digits(index)), pattern: step(pattern, ELEMENT, NOTHING) };
}

/**
 * Returns the text that stands for one concept (a thing with several names) in this very object: six bytes as a byte
 * string.
 */
export function exactText({ exact }: Place, concept: number): string {
  return textOf(step(exact, EXACT, digits(concept)));
}

/** Returns such a text for one concept in all objects whose place has this pattern. */
export function patternText({ pattern }: Place, concept: number): string {
  return textOf(step(pattern, PATTERN, digits(concept)));
}

function textOf([high, low]: Way): string {
  return String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
  );
}

/** cyrb53, a public hash of two 32-bit lanes, with its final mixing after each step. */
function step([first, second]: Way, kind: number, bytes: Uint8Array): Way {
  let one = Math.imul(first ^ kind, 2654435761);
  let two = Math.imul(second ^ kind, 1597334677);
  for (const byte of bytes) {
    one = Math.imul(one ^ byte, 2654435761);
    two = Math.imul(two ^ byte, 1597334677);
  }
  const high = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909);
  const low = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return [high >>> 0, low >>> 0];
}

function digits(number: number): Uint8Array {
  return Uint8Array.from(String(number), (digit) => digit.charCodeAt(0));
}

const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const CLOSINGS = [0x7d, 0x5d];
const COMMA = 0x2c;
const QUOTE = 0x22;

type Open = {
  readonly place: Place;
  readonly isObject: boolean;
  /** Index of the element or member that is being read. */
  index: number;
  name: Uint8Array | null;
  repeated: number;
  readonly names: Map<string, number>;
};

/**
 * Returns the places of the wanted objects of a document that `membersOf` has read, by the offset at which each begins.
 */
export function placesOf(
  bytes: Uint8Array,
  root: Place,
  wanted: ReadonlySet<number>,
): ReadonlyMap<number, Place> {
  const found = new Map<number, Place>();
  const open: Open[] = [];
  for (let at = documentStart(bytes); at < bytes.length && found.size < wanted.size; at++) {
    const byte = bytes[at] ?? 0;
    const top = open.at(-1);
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const place = top ? placeInside(top) : root;
      if (wanted.has(at)) found.set(at, place);
      open.push(opened(place, byte === OPEN_OBJECT));
    } else if (CLOSINGS.includes(byte)) open.pop();
    else if (byte === COMMA && top) next(top);
    else if (byte === QUOTE) {
      const end = stringEnd(bytes, at);
      if (top?.isObject && top.name === null) beginMember(top, bytes.subarray(at + 1, end - 1));
      at = end - 1;
    }
  }
  return found;
}

function opened(place: Place, isObject: boolean): Open {
  return { place, isObject, index: 0, name: null, repeated: 0, names: new Map() };
}

function placeInside({ place, isObject, index, name, repeated }: Open): Place {
  return isObject ? under(place, name ?? NOTHING, repeated) : elementOf(place, index);
}

function next(top: Open): void {
  top.index++;
  top.name = null;
}

/**
 * Counts repeated names, so that two members of one name stand in two places. The same holds for two members that have
 * one name on the other side.
 */
function beginMember(top: Open, name: Uint8Array): void {
  const form = formOf(name, 0, name.length);
  const told = String.fromCharCode(...(form ? canonicalOf(form).bytes : name.subarray(0, 256)), name.length);
  top.name = name;
  top.repeated = top.names.get(told) ?? 0;
  top.names.set(told, top.repeated + 1);
}
