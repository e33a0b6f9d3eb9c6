import { Worker } from 'node:worker_threads';
import type { Store } from '../../domain/plan/plan.ts';
import { tagged } from '../../domain/keys/slot.ts';
import { serverAddressOf } from '../client/store-address.ts';
import { serversOf } from '../client/store-servers.ts';
import { type Environment, openStore } from '../client/connection.ts';

/** Response times of one probe, ms, by name of store. */
export type Responses = ReadonlyMap<string, number>;

/** Measures one response of each store as an app would see it. Rejects when a store does not answer. */
export type Probe = () => Promise<Responses>;

/**
 * Opens a probe, which measures the time of one GET on each store. It has its own connections and its own thread; in
 * the worker's thread it would measure our own work instead of the server. `key` has our prefix and need not exist.
 *
 * Only one probe may run at a time, and it takes as long as the slowest store. For a cluster it asks every master,
 * and the slowest one counts, because apps with keys on that master feel it.
 */
export async function openProbe(
  stores: readonly Store[],
  environment: Environment,
  key: string,
): Promise<{ probe: Probe; close(): Promise<void> }> {
  const servers = (await Promise.all(stores.map((store) => serversOf(store, environment, 'impact')))).flat();
  const asked = servers.map(({ store, tag }) => ({
    address: serverAddressOf(store, environment),
    key: tagged(key, tag),
  }));
  const workerData = { asked };
  const thread = new Worker(new URL('./probe-thread.mjs', import.meta.url), { workerData, execArgv: [] });
  const times = () =>
    new Promise<readonly (number | null)[]>((resolve) => {
      thread.once('message', resolve);
      thread.postMessage('probe');
    });
  const probe = async () => {
    const slowest = new Map<string, number>();
    for (const [i, ms] of (await times()).entries()) {
      const { store } = servers[i] as (typeof servers)[number];
      if (ms === null) throw await whySilent(store, environment);
      slowest.set(store.name, Math.max(slowest.get(store.name) ?? 0, ms));
    }
    return slowest;
  };
  return { probe, close: async () => void (await thread.terminate()) };
}

/** Returns why a server did not answer. A connection of the usual kind knows it; the probe's own thread does not. */
async function whySilent(store: Store, environment: Environment): Promise<unknown> {
  try {
    (await openStore(store, environment, 'impact')).disconnect();
    return new Error(`store ${store.name}: the probe got no answer`);
  } catch (error) {
    return error;
  }
}
