const BACKSLASH = 0x5c;
const QUOTE = 0x22;
/** What may stand behind a backslash: quote, backslash, slash, b, f, n, r, t; or u with four hex digits. */
const SIMPLE_ESCAPES = [QUOTE, BACKSLASH, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74];

const LETTER_U = 0x75;

const PLAIN = 0;
const CLOSING = 1;
const CONTROL = 2;
const ESCAPE = 3;
const SEQUENCE = 4;
/** What each byte is inside a string: one look-up for the bytes that documents are made of. */
const IN_STRING = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === QUOTE) return CLOSING;
  if (byte === BACKSLASH) return ESCAPE;
  if (byte < 0x20) return CONTROL;
  return byte < 0x80 ? PLAIN : SEQUENCE;
});

/** Index of the first byte from `at` on that is not JSON white space. */
export function skipSpace(bytes: Uint8Array, at: number): number {
  let end = at;
  for (;;) {
    const byte = bytes[end];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return end;
    end += 1;
  }
}

/** Index behind the string, number or literal that begins at `at`; -1 when none does. */
export function scalarEnd(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return stringEnd(bytes, at);
  if (byte === 0x74) return literalEnd(bytes, at, 'true');
  if (byte === 0x66) return literalEnd(bytes, at, 'false');
  if (byte === 0x6e) return literalEnd(bytes, at, 'null');
  return numberEnd(bytes, at);
}

/** Index behind the closing quote of the string whose opening quote is at `at`; -1 unless valid JSON and UTF-8. */
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

/** Behind a UTF-8 sequence of two to four bytes: none overlong, no surrogates, nothing above U+10FFFF. */
function sequenceEnd(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
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
  let end = bytes[at] === 0x2d ? at + 1 : at;
  end = bytes[end] === 0x30 ? end + 1 : digitsEnd(bytes, end);
  if (end >= 0 && bytes[end] === 0x2e) end = digitsEnd(bytes, end + 1);
  if (end >= 0 && (bytes[end] === 0x65 || bytes[end] === 0x45)) {
    const signed = bytes[end + 1] === 0x2b || bytes[end + 1] === 0x2d;
    end = digitsEnd(bytes, end + (signed ? 2 : 1));
  }
  return end;
}

/** Behind one digit or more; -1 when there is none. */
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
