import type { Side } from '../../../domain/plan/plan.ts';

/** The size of the conflict journals of a link, as the last look found it. The first shard measures for all shards. */
export class RecordSizes {
  /** Bytes of the conflict journal on each side, large losers included; `null` = not measured yet. */
  readonly journalBytes: Record<Side, number | null> = { source: null, target: null };
  /** Bytes of the large losers, which have keys of their own. */
  readonly largeBytes: Record<Side, number> = { source: 0, target: 0 };
}
