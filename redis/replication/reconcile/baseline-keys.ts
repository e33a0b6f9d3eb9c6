import { hash } from 'node:crypto';
import type { Digest } from '../../../domain/protocol/protocol.ts';
import { keyBytes } from '../../client/key-bytes.ts';

/**
 * Length of a print, in bytes. A print stands for one key in one state. With 16 bytes no app can make two states with
 * one print, even among millions of prints (docs/decisions/0028).
 */
export const PRINT_BYTES = 16;

/**
 * The baseline keys: the keys that V2 had before us, each in the state that it had then. Such a key agrees as it is and
 * does not travel, because it is not ours. Every other key on V2 without a ledger entry was written by an app since
 * then, and it travels, because no acknowledged write may be lost (docs/decisions/0015).
 */
export class BaselineKeys {
  static readonly NONE = new BaselineKeys(Buffer.alloc(0));
  /**
   * A hash table. Each place takes two numbers, the two halves of a print; two zeros = the place is free. The first
   * bytes of a print choose a place, and the print stands in the first free one from there.
   */
  readonly #places: BigUint64Array;
  readonly #mask: number;

  /** @param prints all prints, one after another */
  constructor(prints: Buffer) {
    const places = 2 ** Math.ceil(Math.log2(2 * Math.max(1, prints.length / PRINT_BYTES)));
    this.#places = new BigUint64Array(2 * places);
    this.#mask = places - 1;
    for (let at = 0; at < prints.length; at += PRINT_BYTES) {
      const print = prints.subarray(at, at + PRINT_BYTES);
      const place = this.#placeOf(print);
      this.#places[2 * place] = print.readBigUInt64BE(0);
      this.#places[2 * place + 1] = print.readBigUInt64BE(8);
    }
  }

  holds(key: string, state: Digest): boolean {
    return this.#places[2 * this.#placeOf(printOf(key, state))] !== 0n;
  }

  /** The place of a print, or the free place where it would stand. */
  #placeOf(print: Buffer): number {
    const [high, low] = [print.readBigUInt64BE(0), print.readBigUInt64BE(8)];
    let place = print.readUInt32LE(0) & this.#mask;
    for (; ; place = (place + 1) & this.#mask) {
      const there = this.#places[2 * place];
      if (there === 0n || (there === high && this.#places[2 * place + 1] === low)) return place;
    }
  }
}

/**
 * The print of a key in a state. The state of a large key is not known; there `state` is empty. The length of the state
 * comes first, so that no other pair of state and name gives the same bytes.
 */
export function printOf(key: string, state: Digest): Buffer {
  return hash('sha1', keyBytes(`${state.length} ${state}${key}`), 'buffer').subarray(0, PRINT_BYTES);
}
