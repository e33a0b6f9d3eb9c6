import { bucketOf } from './bucket.ts';
import { type Link, linksOf } from './link.ts';
import type { Plan } from './plan.ts';

/** More would cost each server more in feeds and scans than the workers could win (docs/scale.md). */
export const MOST_SHARDS = 64;

/**
 * An equal part of a link's keys, with a sync of its own: lease, feed, scan and status. A link that is not split is
 * its own only shard, under its own name. Ledger, journal, pre-images, quarantine and control are the link's.
 */
export type Shard = {
  readonly link: Link;
  /** `v1` where the link is not split, else `v1.1` to `v1.N`; a link's name has no dot. */
  readonly name: string;
  /** From 0. */
  readonly index: number;
  /** Shards of the link. */
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

/** The only shard of a link that is not split. */
export function wholeOf(link: Link): Shard {
  const [whole, ...others] = shardsOf(link);
  if (!whole || others.length > 0) throw new Error(`link ${link.name} is split: say which shard`);
  return whole;
}

/** The shards of all links of a plan. */
export function shardsOfPlan(plan: Plan): readonly Shard[] {
  return linksOf(plan).flatMap(shardsOf);
}

/** Whether a key of the link, by its name on the source, is this shard's. Each key is exactly one shard's. */
export function owns(shard: Shard, sourceKey: string): boolean {
  return shard.of === 1 || bucketOf(sourceKey) % shard.of === shard.index;
}

/** What of a limit that is meant for the whole link falls to one of its shards; 0 = no limit, as before. */
export function shareOf(shard: Shard, limit: number): number {
  return limit / shard.of;
}
