import { isKnown, movedSentence } from '../authority/authority-record.ts';
import type { Side } from '../plan/plan.ts';
import type { Snapshot } from './status.ts';

/**
 * `alert` is worth a look and does not block. `waived` is not known, and a person has accepted that by name; it does not
 * block. `red` and `unknown` block.
 */
export type Verdict = 'green' | 'alert' | 'waived' | 'red' | 'unknown';

export type Gate = {
  readonly name:
    | 'lag'
    | 'integrity'
    | 'compared'
    | 'sessions'
    | 'cacheHits'
    | 'impact'
    | 'pending'
    | 'quarantine'
    | 'breaker'
    | 'writers'
    | 'masters'
    | 'stores';
  readonly value: number | null;
  readonly limit: number;
  readonly verdict: Verdict;
  /** One sentence for the operator. It contains no keys. */
  readonly reason: string;
  /** The verdict is `unknown` because there is nothing to measure by, and an operator may accept that. */
  readonly waivable?: true;
};

/** The authority that the migration knows. Epoch 0 means that the migration does not know an epoch yet. */
type Known = { readonly authority: Side; readonly epoch?: number };

/**
 * Returns a sentence that says why the stores are not as this migration left them; `null` when they are. A store may be
 * another one than the claimed one, or it may record an authority that this migration does not know.
 */
export function storesDoubt(
  { doubt, authority: said }: Snapshot,
  { authority, epoch = 0 }: Known,
): string | null {
  if (doubt !== undefined) return doubt;
  const known = { side: authority, epoch };
  return epoch === 0 || said === null || isKnown(said, known) ? null : movedSentence(said, known);
}

/**
 * The gate is red while a store is not the one that was claimed, or while the stores record that another process has
 * moved the authority. It is unknown while the stores do not agree or do not answer.
 */
export function storesGate(snapshot: Snapshot, known: Known): Gate {
  const gate = { name: 'stores', limit: 0 } as const;
  const doubt = storesDoubt(snapshot, known);
  if (doubt !== null) return { ...gate, value: 1, verdict: 'red', reason: doubt };
  if (snapshot.authority === null) {
    const reason = snapshot.unseen ?? 'the stores do not agree on who serves';
    return { ...gate, value: null, verdict: 'unknown', reason };
  }
  return { ...gate, value: 0, verdict: 'green', reason: 'every store is the one that was claimed' };
}
