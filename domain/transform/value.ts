/** A value as a transform sees it. Values of other types than these two always travel byte for byte. */
export type TransformableValue =
  | { readonly kind: 'string'; readonly bytes: Uint8Array }
  | { readonly kind: 'hash'; readonly fields: readonly (readonly [Uint8Array, Uint8Array])[] };

/**
 * The names that the source uses at each place, as a byte string in the ledger entry; see `remembered.ts`. `''` means
 * that none is known, as for a value that was created on V2.
 */
export type Spelling = string;

/**
 * A refused value goes to quarantine, so that nothing is dropped. The reason is a sentence without a key or a value,
 * because personal data must stay in Redis.
 */
export type Lensed =
  | { readonly ok: true; readonly value: TransformableValue; readonly spelling: Spelling }
  | { readonly ok: false; readonly reason: string };

/**
 * A transform and its inverse. It returns a value that needs no change as the same object. Its laws:
 * - `down(up(x)) = x` to the byte, with the spelling that `up` returned
 * - `up(up(x)) = up(x)`
 * - `up(down(y, s)) = up(y)` for every spelling
 */
export type Lens = {
  /**
   * Returns the V2 form of a value from either side, and the spelling that the value had. To compare two values in V2
   * form, apply `up` to both.
   */
  up(value: TransformableValue): Lensed;
  /**
   * Returns the source form of a V2 value. The returned spelling is the given one, with the names that were decided now
   * filled in.
   */
  down(value: TransformableValue, spelling: Spelling): Lensed;
};
