import type { Plan, Store } from '../plan/plan.ts';
import { makeKeyMap } from './key-map.ts';
import { OUR_PREFIX } from './keyspace.ts';

/** A user who writes, or may write, keys that the plan's datasets own, and whom the plan does not name. */
export type Stranger = { readonly store: string; readonly user: string; readonly clients: number };

/** The keys of a store that the datasets of the plan own, as patterns. */
export type OwnedKeys = { readonly patterns: readonly string[]; readonly excludes: readonly string[] };

/** Returns the keys that the datasets own on one store, each dataset with its own excludes. */
export function ownedKeys(plan: Plan, { name, side }: Store): readonly OwnedKeys[] {
  const datasets = plan.datasets.filter(({ from }) => side === 'target' || from === name);
  const keys = makeKeyMap(datasets);
  return datasets.map((dataset) => ({
    patterns: keys.patterns(dataset, side),
    excludes: [`${OUR_PREFIX}*`, ...dataset.excludes],
  }));
}

/**
 * Returns the users who may write on a store and are no strangers there. Our own user is one more, and not in this
 * list.
 */
export function namedWriters({ appUsers, otherWriters = [] }: Store): readonly string[] {
  return [...appUsers, ...otherWriters];
}

/** Returns one sentence for the operator. The names of users are no secrets. */
export function strangersSentence(strangers: readonly Stranger[]): string {
  const told = strangers.map(
    ({ store, user, clients }) => `${user} on ${store} (${clients} ${clients === 1 ? 'client' : 'clients'})`,
  );
  return `users whom the plan does not name write: ${told.join(', ')}; stop them, or name them in otherWriters`;
}
