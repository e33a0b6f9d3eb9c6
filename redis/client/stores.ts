import type { Redis, RedisOptions } from 'ioredis';
import type { Plan, Side, Store } from '../../domain/plan/plan.ts';
import { type Environment, openStore, type IdentityProof } from './connection.ts';

/** One open connection for each store of a plan, for actions that concern all of them. */
export type Stores = {
  readonly all: readonly OpenStore[];
  of(side: Side): readonly OpenStore[];
  named(name: string): OpenStore;
  readonly target: OpenStore;
  close(): void;
};

export type OpenStore = { readonly store: Store; readonly redis: Redis };

/**
 * Opens all stores of a plan. If one of them fails, it closes those that are open already.
 *
 * @throws the errors of `openStore`
 */
export async function openStores(
  plan: Plan,
  environment: Environment,
  purpose: string,
  options: RedisOptions = {},
  prove?: IdentityProof,
): Promise<Stores> {
  const all: OpenStore[] = [];
  const close = () => {
    for (const { redis } of all) redis.disconnect();
  };
  try {
    for (const store of plan.stores)
      all.push({ store, redis: await openStore(store, environment, purpose, options, prove) });
  } catch (error) {
    close();
    throw error;
  }
  const find = (fits: (store: Store) => boolean): OpenStore => {
    const found = all.find(({ store }) => fits(store));
    if (!found) throw new Error('the plan does not name this store');
    return found;
  };
  return {
    all,
    of: (side) => all.filter(({ store }) => store.side === side),
    named: (name) => find((store) => store.name === name),
    target: find((store) => store.side === 'target'),
    close,
  };
}

/** Opens the stores, runs `work`, and closes them in every case. */
export async function withStores<T>(
  plan: Plan,
  environment: Environment,
  purpose: string,
  work: (stores: Stores) => Promise<T>,
  prove?: IdentityProof,
): Promise<T> {
  const stores = await openStores(plan, environment, purpose, {}, prove);
  try {
    return await work(stores);
  } finally {
    stores.close();
  }
}
