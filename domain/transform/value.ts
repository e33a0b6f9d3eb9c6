/** A value as a transform sees it. Types other than these two always travel byte for byte. */
export type Value =
  | { readonly kind: 'string'; readonly bytes: Uint8Array }
  | { readonly kind: 'hash'; readonly fields: readonly (readonly [Uint8Array, Uint8Array])[] };

/** ≤ 16 bits, stored beside the ledger entry: how the source spells the names; see `spelling.ts`. 0 = born on V2. */
export type Spelling = number;

/** A refused value goes to quarantine (L11). The reason is a sentence with no key and no value in it (L12). */
export type Lensed =
  | { readonly ok: true; readonly value: Value; readonly spelling: Spelling }
  | { readonly ok: false; readonly reason: string };

/**
 * A transform and its inverse. Laws: `down(up(x)) = x` to the byte, with the spelling that `up` told;
 * `up(up(x)) = up(x)`; `up(down(y, s)) = up(y)` for every spelling. What needs no change is returned itself.
 */
export type Lens = {
  /** The V2 form of a value from either side, and the spelling that it had: V2 states compare by `up` on both. */
  up(value: Value): Lensed;
  /** The source form of a V2 value. The spelling told is the given one, with what was decided now filled in. */
  down(value: Value, spelling: Spelling): Lensed;
};
