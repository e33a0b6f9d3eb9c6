import { Worker } from 'node:worker_threads';
import { resolveUrl } from '../../domain/environment.ts';
import type { Store } from '../../domain/plan.ts';
import type { Environment } from '../connection.ts';

/** Response times of one moment by name of store, ms. */
export type Responses = ReadonlyMap<string, number>;

/** Measures one response of each store as an app would see it. */
export type Probe = () => Promise<Responses>;

/**
 * A probe of stores: the time of one GET on each, on connections of its own, in a thread of its own. The key is one
 * of our prefix, which need not exist. One probe at a time; it takes as long as the slowest store.
 */
export function openProbe(
  stores: readonly Store[],
  environment: Environment,
  key: string,
): { probe: Probe; close(): Promise<void> } {
  const workerData = { urls: stores.map((store) => resolveUrl(store.url, environment)), key };
  const thread = new Worker(new URL('./probe-thread.mjs', import.meta.url), { workerData, execArgv: [] });
  const probe = () =>
    new Promise<Responses>((resolve, reject) => {
      thread.once('message', (times: readonly (number | null)[]) => {
        const silent = stores.find((_store, i) => times[i] === null);
        if (silent) reject(new Error(`store ${silent.name}: the probe got no answer`));
        else resolve(new Map(stores.map((store, i) => [store.name, times[i] as number])));
      });
      thread.postMessage('probe');
    });
  return { probe, close: async () => void (await thread.terminate()) };
}
