import type { Digest } from '../../domain/digest.ts';
import type { Side } from '../../domain/side.ts';
import { decodeEntry } from '../ledger.ts';
import type { Pair } from './pair.ts';
import type { SideState } from './read-reply.ts';

/** States and ledger entries as they stand on both sides. */
export type Known = Readonly<Record<Side, Digest>> & {
  readonly entries: Readonly<Record<Side, string>>;
  /** We wrote there last: the next event of that side is as good as always our own. */
  echo: Side | null;
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
  agreed({ work, states }: Pair, side: Side, state: Digest, entry: string, wrote: boolean): void {
    const { source, target } = states;
    const echo = wrote ? side : null;
    this.#keep(
      work.key,
      side === 'source'
        ? {
            source: state,
            target: target.digest,
            entries: { source: entry, target: target.entryBytes },
            echo,
          }
        : {
            source: source.digest,
            target: state,
            entries: { source: source.entryBytes, target: entry },
            echo,
          },
    );
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

  #keep(key: string, known: Known): void {
    this.#young.set(key, known);
    if (this.#young.size < KnownKeys.MOST) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}

/** What is known of one side, in the place of a look at it. */
export function knownState(known: Known, side: Side): SideState {
  const entryBytes = known.entries[side];
  return {
    digest: known[side],
    nowMs: 0,
    value: NO_VALUE,
    proof: null,
    entry: decodeEntry(entryBytes),
    entryBytes,
  };
}

const NO_VALUE = { form: 'none' } as const;
