import { bucketOf } from './slot.ts';
import { type Link, linksOf, type Plan } from '../plan/plan.ts';

/** More shards would cost each server more in change feeds and scans than the workers could gain (docs/scale.md). */
export const MOST_SHARDS = 64;

/**
 * An equal part of a link's keys, with a sync of its own: lease, change feed, scan and status. A link that is not split
 * is its own only shard, under its own name. The ledger, the journal, the pre-images, the quarantine and the control
 * record belong to the whole link.
 */
export type Shard = {
  readonly link: Link;
  /** `v1` when the link is not split, else `v1.1` to `v1.N`. The name of a link has no dot. */
  readonly name: string;
  /** Position of the shard in its link, from 0. */
  readonly index: number;
  /** Number of shards of the link. */
  readonly of: number;
};

export function shardsOf(link: Link): readonly Shard[] {
  return Array.from({ length: link.shards }, (_shard, index) => ({
    link,
    name: link.shards === 1 ? link.name : `${link.name}.${index + 1}`,
    index,
    of: link.shards,
  }));
}

/**
 * Returns the only shard of a link that is not split.
 *
 * @throws Error when the link is split
 */
export function wholeOf(link: Link): Shard {
  const [whole, ...others] = shardsOf(link);
  if (!whole || others.length > 0) throw new Error(`link ${link.name} is split: say which shard`);
  return whole;
}

/** Returns the shards of all links of a plan. */
export function shardsOfPlan(plan: Plan): readonly Shard[] {
  return linksOf(plan).flatMap(shardsOf);
}

/**
 * True when the key of the link, by its name on the source, belongs to this shard. Each key belongs to exactly one
 * shard.
 */
export function owns(shard: Shard, sourceKey: string): boolean {
  return shard.of === 1 || bucketOf(sourceKey) % shard.of === shard.index;
}

/** Returns this shard's part of a limit that is meant for the whole link. 0 still means no limit. */
export function shareOf(shard: Shard, limit: number): number {
  return limit / shard.of;
}
