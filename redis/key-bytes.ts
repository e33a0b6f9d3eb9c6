/** A key inside our code is a byte string (one char per byte), so that binary keys live in Maps and Sets. */
export function keyBytes(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

export function byteString(bytes: Buffer): string {
  return bytes.toString('latin1');
}
