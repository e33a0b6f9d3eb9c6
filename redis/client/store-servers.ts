import { resolveUrls } from '../../domain/plan/environment.ts';
import type { Store } from '../../domain/plan/plan.ts';
import { urlAt } from '../../domain/plan-file/server-url.ts';
import { type Environment, openStore, StoreUnreachable, urlOfServer } from './connection.ts';
import { RoutedRedis } from './cluster-client.ts';
import { because } from './unreachable.ts';

/**
 * One server behind a store, in the form of a store. `tag`, `id` and `slots` describe a node of a cluster and are empty
 * for other servers. `slots` is text such as `0-5460 5462-5500`.
 */
export type ServerOfStore = {
  readonly store: Store;
  readonly tag: string;
  readonly id: string;
  readonly slots: string;
};

/**
 * Returns the servers behind a store, for code that handles one server at a time. A cluster gives its masters, each by
 * the address that it announces. A URL of Sentinels gives the current master.
 *
 * @throws StoreUnreachable, ClusterChanged
 */
export async function serversOf(
  store: Store,
  environment: Environment,
  purpose: string,
): Promise<readonly ServerOfStore[]> {
  if (!store.cluster) {
    const url = await urlOfServer(store, environment);
    return [{ store: { ...store, url }, tag: '', id: '', slots: '' }];
  }
  const redis = await openStore(store, environment, purpose);
  try {
    if (!(redis instanceof RoutedRedis)) throw new StoreUnreachable(store.name, because('is no cluster'));
    const [url = ''] = resolveUrls(store.url, environment);
    const { name, side, tls } = store;
    return redis.map.masters.map(({ id, host, port, ranges }, i) => ({
      store: { name, side, url: urlAt(url, host, port), ...(tls && { tls }), appUsers: [] },
      tag: redis.nodes[i]?.tag ?? '',
      id,
      slots: ranges.map(([from, to]) => `${from}-${to}`).join(' '),
    }));
  } finally {
    redis.disconnect();
  }
}
