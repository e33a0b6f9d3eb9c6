const BACKSLASH = 0x5c;
const QUOTE = 0x22;
/** The bytes that may stand behind a backslash: quote, backslash, slash, b, f, n, r, t; or u with four hex digits. */
const SIMPLE_ESCAPES = [QUOTE, BACKSLASH, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74];

const LETTER_U = 0x75;
const LETTER_N = 0x4e;
const LETTER_I = 0x49;
const MINUS = 0x2d;

const PLAIN = 0;
const CLOSING = 1;
const CONTROL = 2;
const ESCAPE = 3;
const SEQUENCE = 4;
/** The kind of each byte inside a string. One look-up is enough for the bytes that documents consist of. */
const IN_STRING = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === QUOTE) return CLOSING;
  if (byte === BACKSLASH) return ESCAPE;
  if (byte < 0x20) return CONTROL;
  return byte < 0x80 ? PLAIN : SEQUENCE;
});

/** Returns the index of the first byte behind a byte order mark, which some writers put in front of their JSON. */
export function skipMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Returns the index of the first byte from `at` on that is not JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let end = at;
  for (;;) {
    const byte = bytes[end];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return end;
    end += 1;
  }
}

/**
 * Returns the index behind the string, number or literal that begins at `at`; -1 when there is none. `NaN`, `Infinity`
 * and `-Infinity` are no JSON, but Python's `json.dumps` writes them for such floats, and its `json.loads` reads them.
 */
export function scalarEnd(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return stringEnd(bytes, at);
  if (byte === LETTER_N) return literalEnd(bytes, at, 'NaN');
  if (byte === LETTER_I) return literalEnd(bytes, at, 'Infinity');
  if (byte === MINUS && bytes[at + 1] === LETTER_I) return literalEnd(bytes, at + 1, 'Infinity');
  if (byte === 0x74) return literalEnd(bytes, at, 'true');
  if (byte === 0x66) return literalEnd(bytes, at, 'false');
  if (byte === 0x6e) return literalEnd(bytes, at, 'null');
  return numberEnd(bytes, at);
}

/**
 * Returns the index behind the closing quote of the string whose opening quote is at `at`; -1 when it is not valid JSON
 * and UTF-8. The string may contain a lone surrogate, as an escape or in bytes of its own. Python writes both forms,
 * and the transform keeps both as they are.
 */
export function stringEnd(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < bytes.length) {
    const kind = IN_STRING[bytes[end] ?? 0];
    if (kind === PLAIN) {
      end += 1;
      continue;
    }
    if (kind === CLOSING) return end + 1;
    if (kind === CONTROL) return -1;
    end = kind === ESCAPE ? escapeEnd(bytes, end) : sequenceEnd(bytes, end);
    if (end < 0) return -1;
  }
  return -1;
}

function escapeEnd(bytes: Uint8Array, at: number): number {
  const escaped = bytes[at + 1] ?? 0;
  if (escaped !== LETTER_U) return SIMPLE_ESCAPES.includes(escaped) ? at + 2 : -1;
  for (let digit = at + 2; digit < at + 6; digit++) {
    if (!isHex(bytes[digit])) return -1;
  }
  return at + 6;
}

/**
 * Returns the index behind a UTF-8 sequence of two to four bytes; -1 for an overlong one and for one above U+10FFFF.
 */
function sequenceEnd(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1] ?? 0;
  if (second < low || second > high) return -1;
  for (let next = at + 2; next < at + length; next++) {
    const byte = bytes[next] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return -1;
  }
  return at + length;
}

function literalEnd(bytes: Uint8Array, at: number, word: string): number {
  for (let index = 0; index < word.length; index++) {
    if (bytes[at + index] !== word.charCodeAt(index)) return -1;
  }
  return at + word.length;
}

function numberEnd(bytes: Uint8Array, at: number): number {
  let end = bytes[at] === MINUS ? at + 1 : at;
  end = bytes[end] === 0x30 ? end + 1 : digitsEnd(bytes, end);
  if (end >= 0 && bytes[end] === 0x2e) end = digitsEnd(bytes, end + 1);
  if (end >= 0 && (bytes[end] === 0x65 || bytes[end] === 0x45)) {
    const signed = bytes[end + 1] === 0x2b || bytes[end + 1] === 0x2d;
    end = digitsEnd(bytes, end + (signed ? 2 : 1));
  }
  return end;
}

/** Returns the index behind one digit or more; -1 when there is none. */
function digitsEnd(bytes: Uint8Array, at: number): number {
  let end = at;
  while (isDigit(bytes[end])) end += 1;
  return end > at ? end : -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
