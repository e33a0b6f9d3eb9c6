/** State of a key on one side: 16 bytes as byte string, 8 of content and 8 of absolute expiry (redis/scripts/prelude.lua). */
export type Digest = string;

export const ABSENT: Digest = '\0'.repeat(16);

/** Absolute expiry in ms that a state carries; `null` = none, or absent. */
export function expireAtOf(digest: Digest): number | null {
  if (digest === ABSENT || digest.charCodeAt(8) >= 0x80) return null;
  let at = 0;
  for (let i = 8; i < 16; i++) at = at * 256 + digest.charCodeAt(i);
  return at;
}
