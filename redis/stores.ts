import type { Redis, RedisOptions } from 'ioredis';
import type { Plan, Store } from '../domain/plan.ts';
import type { Side } from '../domain/side.ts';
import { type Environment, openStore } from './connection.ts';

/** One open connection for each store of a plan, for the acts that concern all of them. */
export type Stores = {
  readonly all: readonly OpenStore[];
  of(side: Side): readonly OpenStore[];
  named(name: string): OpenStore;
  readonly target: OpenStore;
  close(): void;
};

export type OpenStore = { readonly store: Store; readonly redis: Redis };

export async function openStores(
  plan: Plan,
  environment: Environment,
  purpose: string,
  options: RedisOptions = {},
): Promise<Stores> {
  const all: OpenStore[] = [];
  const close = () => {
    for (const { redis } of all) redis.disconnect();
  };
  try {
    for (const store of plan.stores)
      all.push({ store, redis: await openStore(store, environment, purpose, options) });
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

/** Opens the stores, does the work, closes them. */
export async function withStores<T>(
  plan: Plan,
  environment: Environment,
  purpose: string,
  work: (stores: Stores) => Promise<T>,
): Promise<T> {
  const stores = await openStores(plan, environment, purpose);
  try {
    return await work(stores);
  } finally {
    stores.close();
  }
}
