import type { LedgerEntry } from '../../domain/ledger-entry.ts';
import type { Dataset } from '../../domain/plan.ts';
import type { Side } from '../../domain/side.ts';
import type { Place } from '../ledger.ts';
import type { Work } from './dirty-keys.ts';
import type { SideState } from './read-reply.ts';

/** One key with both sides as one look showed them, and the newest ledger entry. */
export type Pair = {
  readonly work: Work;
  readonly dataset: Dataset;
  readonly place: Place;
  readonly names: Readonly<Record<Side, string>>;
  readonly states: Readonly<Record<Side, SideState>>;
  readonly agreed: LedgerEntry | null;
  /** The side that was not looked at: what is known of it stands for it. */
  readonly assumed: Side | null;
};
