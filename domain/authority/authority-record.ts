import type { Side } from '../plan/plan.ts';

/** The side that serves, as one database records it. */
export type AuthorityRecord = { readonly side: Side; readonly epoch: number };

/**
 * The authority that a workflow knows when it asks for a step. The step is refused when the stores say something else:
 * then another process has moved the authority, or Temporal was restored from an older copy.
 */
export type KnownRecord = AuthorityRecord & {
  /**
   * The side to which a switch of this workflow may have moved the authority. The workflow has not received the answer
   * of that switch.
   */
  readonly moving?: Side;
};

export function isKnown({ side, epoch }: AuthorityRecord, known: KnownRecord): boolean {
  if (side === known.side && epoch === known.epoch) return true;
  return side === known.moving && epoch === known.epoch + 1;
}

/** Returns a sentence that says why a step is refused and what the operator can do. */
export function movedSentence(said: AuthorityRecord | null, known: AuthorityRecord): string {
  const knows = `this migration knows of the ${known.side} (epoch ${known.epoch})`;
  if (said === null) return `no store says who serves, and ${knows}. Nothing is done or undone`;
  return (
    `the stores say that the ${said.side} serves (epoch ${said.epoch}), ${knows}: another one has moved it, or Temporal ` +
    'was put back from an older copy. Nothing is done or undone. If the stores are right, say resume --accept record'
  );
}
