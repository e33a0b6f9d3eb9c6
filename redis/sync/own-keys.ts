import { hash } from 'node:crypto';
import type { Digest } from '../../domain/digest.ts';
import { keyBytes } from '../key-bytes.ts';

/** Of a key in a state: enough to tell millions apart (64 bits), small enough to keep as many. */
export const PRINT_BYTES = 8;

/**
 * What V2 held before we came, each key in the state that it had then. It agrees as it is and does not travel (L6);
 * whatever else stands there without a ledger entry an app wrote since (L2).
 */
export class OwnKeys {
  static readonly NONE = new OwnKeys(Buffer.alloc(0));
  readonly #prints: BigUint64Array;

  /** @param prints one after the other */
  constructor(prints: Buffer) {
    const all = new BigUint64Array(prints.length / PRINT_BYTES);
    for (let i = 0; i < all.length; i++) all[i] = prints.readBigUInt64BE(i * PRINT_BYTES);
    this.#prints = all.sort();
  }

  holds(key: string, state: Digest): boolean {
    const wanted = printOf(key, state).readBigUInt64BE(0);
    let [from, to] = [0, this.#prints.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#prints[middle] as bigint) < wanted) from = middle + 1;
      else to = middle;
    }
    return this.#prints[from] === wanted;
  }
}

/** `state` is empty for a large key; its length keeps names and states apart. */
export function printOf(key: string, state: Digest): Buffer {
  return hash('sha1', keyBytes(`${state.length} ${state}${key}`), 'buffer').subarray(0, PRINT_BYTES);
}
