import { resolveUrls } from '../../domain/environment.ts';
import type { Store } from '../../domain/plan.ts';
import { type Environment, openStore, StoreUnreachable, urlAt } from '../connection.ts';
import { RoutedRedis } from './routed-redis.ts';

/** A server behind a store, as a store of its own; `id` and `slots` of a node of a cluster, else empty. */
export type ServerOfStore = {
  readonly store: Store;
  readonly tag: string;
  readonly id: string;
  readonly slots: string;
};

/** Of a cluster its masters, each by the address that it announces: for work that knows one server only. */
export async function serversOf(
  store: Store,
  environment: Environment,
  purpose: string,
): Promise<readonly ServerOfStore[]> {
  if (!store.cluster) return [{ store, tag: '', id: '', slots: '' }];
  const redis = await openStore(store, environment, purpose);
  try {
    if (!(redis instanceof RoutedRedis)) throw new StoreUnreachable(store.name, 'is no cluster', {});
    const [url = ''] = resolveUrls(store.url, environment);
    const { name, side } = store;
    return redis.map.masters.map(({ id, host, port, ranges }, i) => ({
      store: { name, side, url: urlAt(url, host, port), appUsers: [] },
      tag: redis.nodes[i]?.tag ?? '',
      id,
      slots: ranges.map(([from, to]) => `${from}-${to}`).join(' '),
    }));
  } finally {
    redis.disconnect();
  }
}
