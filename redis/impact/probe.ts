import { Worker } from 'node:worker_threads';
import { resolveUrl } from '../../domain/environment.ts';
import type { Store } from '../../domain/plan.ts';
import type { Environment } from '../connection.ts';

/** Measures one response as an app would see it, ms. */
export type Probe = () => Promise<number>;

/**
 * A probe of a store: the time of one GET on a connection of its own, in a thread of its own. The key is one of our
 * prefix, which need not exist. One probe at a time.
 */
export function openProbe(
  store: Store,
  environment: Environment,
  key: string,
): { probe: Probe; close(): Promise<void> } {
  const workerData = { url: resolveUrl(store.url, environment), key };
  const thread = new Worker(new URL('./probe-thread.mjs', import.meta.url), { workerData, execArgv: [] });
  const probe = () =>
    new Promise<number>((resolve, reject) => {
      thread.once('message', (ms: number | null) => {
        if (ms === null) reject(new Error(`store ${store.name}: the probe got no answer`));
        else resolve(ms);
      });
      thread.postMessage('probe');
    });
  return { probe, close: async () => void (await thread.terminate()) };
}
