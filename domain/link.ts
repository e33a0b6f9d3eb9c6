import type { Dataset, Plan, Store } from './plan.ts';

/** One source store and the target, with the datasets that travel between them. Each link is its own sync. */
export type Link = {
  /** Name of the source store. */
  readonly name: string;
  readonly source: Store;
  readonly target: Store;
  readonly datasets: readonly Dataset[];
  /** How many syncs share its keys; see domain/shard. */
  readonly shards: number;
};

/** The links of a plan: one for each source store that owns a dataset. */
export function linksOf(plan: Plan): readonly Link[] {
  const target = targetOf(plan);
  return plan.stores
    .filter((store) => store.side === 'source')
    .map((source) => ({
      name: source.name,
      source,
      target,
      datasets: plan.datasets.filter((dataset) => dataset.from === source.name),
      shards: plan.shards ?? 1,
    }))
    .filter((link) => link.datasets.length > 0);
}

export function targetOf(plan: Plan): Store {
  const target = plan.stores.find((store) => store.side === 'target');
  if (!target) throw new Error('plan without a target store');
  return target;
}
