import { Worker } from 'node:worker_threads';
import { resolveUrl } from '../../domain/environment.ts';
import type { Store } from '../../domain/plan.ts';
import { tagged } from '../../domain/slot.ts';
import { serversOf } from '../cluster/servers-of.ts';
import type { Environment } from '../connection.ts';

/** Response times of one moment by name of store, ms. */
export type Responses = ReadonlyMap<string, number>;

/** Measures one response of each store as an app would see it. */
export type Probe = () => Promise<Responses>;

/**
 * A probe of stores: the time of one GET on each, on connections of its own, in a thread of its own. The key is one
 * of our prefix, which need not exist. One probe at a time; it takes as long as the slowest store. Of a cluster every
 * master is asked and the slowest counts: whose keys are on that one feels it.
 */
export async function openProbe(
  stores: readonly Store[],
  environment: Environment,
  key: string,
): Promise<{ probe: Probe; close(): Promise<void> }> {
  const servers = (await Promise.all(stores.map((store) => serversOf(store, environment, 'impact')))).flat();
  const asked = servers.map(({ store, tag }) => ({
    url: resolveUrl(store.url, environment),
    key: tagged(key, tag),
  }));
  const workerData = { asked };
  const thread = new Worker(new URL('./probe-thread.mjs', import.meta.url), { workerData, execArgv: [] });
  const probe = () =>
    new Promise<Responses>((resolve, reject) => {
      thread.once('message', (times: readonly (number | null)[]) => {
        const silent = servers.find((_server, i) => times[i] === null);
        if (silent) reject(new Error(`store ${silent.store.name}: the probe got no answer`));
        const slowest = new Map<string, number>();
        for (const [i, { store }] of servers.entries())
          slowest.set(store.name, Math.max(slowest.get(store.name) ?? 0, times[i] ?? 0));
        resolve(slowest);
      });
      thread.postMessage('probe');
    });
  return { probe, close: async () => void (await thread.terminate()) };
}
