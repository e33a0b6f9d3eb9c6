import type { Digest } from '../../domain/digest.ts';
import { otherSide, type Side } from '../../domain/side.ts';
import { decodeEntry } from '../ledger.ts';
import type { Pair } from './pair.ts';
import type { SideState } from './read-states.ts';

export type Known = Readonly<Record<Side, SideState>> & {
  /** We wrote there last: the next event of that side is as good as always our own. */
  readonly echo: Side | null;
};

/**
 * What both sides held when this attempt last saw a key agree. While the lease is ours nobody else writes ledger
 * entries, so an event of one side needs a look at that side only: as we left it → nothing; changed → to the
 * other side, by compare-and-set on what is known of it; refused → forget, and look at both. Explored in
 * test/domain/explorer. Bounded by two generations: what is asked for again stays.
 */
export class KnownKeys {
  static readonly MOST = 32_768;
  #young = new Map<string, Known>();
  #old = new Map<string, Known>();

  /** After a write to `side` landed, or both were seen to agree (`side` = where the entry went). */
  agreed(pair: Pair, side: Side, state: Digest, entryBytes: string, wrote: boolean): void {
    const entry = decodeEntry(entryBytes);
    const there = { ...pair.states[side], digest: state, entry, entryBytes, value: NO_VALUE };
    const other = { ...pair.states[otherSide(side)], value: NO_VALUE };
    const known = side === 'source' ? { source: there, target: other } : { source: other, target: there };
    this.#keep(pair.work.key, { ...known, echo: wrote ? side : null });
  }

  get(key: string): Known | null {
    const young = this.#young.get(key);
    if (young) return young;
    const old = this.#old.get(key);
    if (old) this.#keep(key, old);
    return old ?? null;
  }

  forget(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** The event of our own write has come. */
  heardEcho(key: string, known: Known): void {
    this.#keep(key, { ...known, echo: null });
  }

  #keep(key: string, known: Known): void {
    this.#young.set(key, known);
    if (this.#young.size < KnownKeys.MOST) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}

const NO_VALUE = { form: 'none' } as const;
