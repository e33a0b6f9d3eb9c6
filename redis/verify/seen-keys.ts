/**
 * Remembers which keys a pass has met, so that a key that SCAN shows twice (it may, while the table grows) counts
 * once. 64-bit hashes in open addressing: about 16 bytes a key where a Set of strings needs 100. Two keys collide
 * with odds of 3·10⁻⁸ at a million; `salt` differs for each pass, so that a collision does not come back.
 */
export type SeenKeys = {
  /** True when the key was not there before. */
  add(key: string): boolean;
};

const FIRST_SLOTS = 1024;

export function makeSeenKeys(salt: number): SeenKeys {
  let slots = new Uint32Array(2 * FIRST_SLOTS);
  let size = 0;

  return {
    add(key) {
      if (2 * size >= slots.length / 2) grow();
      const [low, high] = hash64(key, salt);
      const at = place(slots, low, high);
      if (slots[at] !== 0) return false;
      slots[at] = low;
      slots[at + 1] = high;
      size++;
      return true;
    },
  };

  function grow(): void {
    const old = slots;
    slots = new Uint32Array(2 * old.length);
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] === 0) continue;
      const at = place(slots, old[i]!, old[i + 1]!);
      slots[at] = old[i]!;
      slots[at + 1] = old[i + 1]!;
    }
  }
}

/** Where the hash stands, or the free slot where it belongs. Free = low half 0, which `hash64` never gives. */
function place(slots: Uint32Array, low: number, high: number): number {
  const mask = slots.length / 2 - 1;
  let at = high & mask;
  while (slots[2 * at] !== 0 && (slots[2 * at] !== low || slots[2 * at + 1] !== high)) at = (at + 1) & mask;
  return 2 * at;
}

/** Two FNV-1a hashes of different start and multiplier, each mixed at the end (murmur3's finaliser). */
function hash64(key: string, salt: number): [low: number, high: number] {
  let one = 0x811c9dc5 ^ salt;
  let other = 0x9e3779b9 ^ Math.imul(salt, 0x85ebca6b);
  for (let i = 0; i < key.length; i++) {
    const byte = key.charCodeAt(i);
    one = Math.imul(one ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x5bd1e995);
    other ^= other >>> 13;
  }
  return [mixed(one) || 1, mixed(other)];
}

function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
