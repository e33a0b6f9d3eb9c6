/**
 * Converts a byte string to bytes. Inside our code a key is a byte string (one char for each byte), so that Maps and
 * Sets can hold binary keys.
 */
export function keyBytes(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

/** Converts bytes to a byte string. */
export function byteString(bytes: Buffer): string {
  return bytes.toString('latin1');
}

/** The same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Splits the items, in their order, into chunks of at most `size`. */
export function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}
