/** Replaces the bytes from `start` to `end` by the pieces. When `start` equals `end`, it inserts them. */
export type Edit = { readonly start: number; readonly end: number; readonly pieces: readonly Uint8Array[] };

/**
 * Returns the bytes with the edits made. The edits must be in order and must not overlap. Without edits it returns the
 * very same object.
 */
export function splice(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return bytes;
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, pieces } of edits) {
    parts.push(bytes.subarray(at, start), ...pieces);
    at = end;
  }
  parts.push(bytes.subarray(at));
  return concatenated(parts);
}

export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
