/**
 * The shape of a key in which nobody can be recognised (L12): a prefix of letters stays, all else is told by kind.
 * `user_4711` → `user_…`; an MD5 → `hex(32)`; what is neither → `text(<length>)`. Takes a byte string.
 */
export function keyShape(key: string): string {
  const prefix = /^([A-Za-z]{1,24}[:_.\-/])/.exec(key)?.[1];
  if (prefix !== undefined) return `${prefix}…`;
  if (/^\d+$/.test(key)) return 'number';
  if (/^[0-9a-f]{8,}$/i.test(key)) return `hex(${key.length})`;
  return /^[\x20-\x7e]*$/.test(key) ? `text(${key.length})` : `binary(${key.length})`;
}
