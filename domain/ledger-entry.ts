import type { Agreed } from './three-way.ts';

/** What the ledger holds for one key on one side: put there in the same atomic step as the state it describes. */
export type LedgerEntry = Agreed & {
  /** Order of entries: token of the attempt and its counter, compared as bytes. */
  readonly stamp: string;
  /** We created the key on the target: an abort deletes it (L6). */
  readonly ours: boolean;
  /** How the document spelled the names that the transform renames. */
  readonly spelling: number;
};

/** An entry stands on the side that was written to last; of two the newest counts. */
export function newest(one: LedgerEntry | null, other: LedgerEntry | null): LedgerEntry | null {
  if (!one || !other) return one ?? other;
  return one.stamp >= other.stamp ? one : other;
}
