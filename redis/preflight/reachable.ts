import { resolveUrl, resolveUrls, UnsetVariable } from '../../domain/environment.ts';
import type { Store } from '../../domain/plan.ts';
import { ClusterChanged } from '../cluster/cluster-changed.ts';
import { type Environment, StoreUnreachable } from '../connection.ts';
import { diagnose } from '../backup/diagnosis.ts';
import { type Finding, red } from './finding.ts';

export const REACHABLE = {
  name: 'reachable',
  looksAt: 'a connection with the store’s URL, user and password',
};
export const REACHABLE_EXPECTED = 'connected and logged in';

const REMEDIES: Readonly<Record<string, string>> = {
  'wrong user or password': 'Correct user and password in the store’s URL (environment of the worker).',
  'connection refused': 'Start the server, or correct host and port in the store’s URL.',
  'host not found': 'Correct the host in the store’s URL, or the name service of the worker’s machine.',
  'no answer in time': 'Look for a firewall between the worker and this server.',
  'the user lacks the right to INFO': 'Grant our user the commands of docs/preflight.md.',
  'not every slot of the cluster is served':
    'Bring back the master of the missing slots, or let a replica take over.',
  'does not say which nodes serve its slots':
    'Take `cluster: true` off the store if it is one server; else name nodes of the cluster, and grant our user +cluster|slots.',
};

/** Why a store could not be opened, without its address. */
export async function unreachable(store: Store, environment: Environment, error: unknown): Promise<Finding> {
  const found = await reason(store, environment, error);
  return red(
    found,
    REACHABLE_EXPECTED,
    REMEDIES[found] ?? 'Try the URL with redis-cli from the worker’s machine.',
  );
}

async function reason(store: Store, environment: Environment, error: unknown): Promise<string> {
  if (error instanceof UnsetVariable || error instanceof ClusterChanged) return error.message;
  if (error instanceof StoreUnreachable && error.reason !== 'cannot connect') return error.reason;
  const [first = ''] = store.cluster
    ? resolveUrls(store.url, environment)
    : [resolveUrl(store.url, environment)];
  return diagnose(first);
}
