import { ClusterChanged } from '../client/topology.ts';
import { StoreUnreachable } from '../client/unreachable.ts';
import { type CheckFinding, reasonOf, red } from './finding.ts';

export const REACHABLE = {
  name: 'reachable',
  looksAt: 'a connection with the store’s URL, user and password: its database, and TLS if the URL says so',
};
export const REACHABLE_EXPECTED = 'connected and logged in';

const REMEDIES: Readonly<Record<string, string>> = {
  'wrong user or password': 'Correct user and password in the store’s URL (environment of the worker).',
  'not allowed here': 'See the check `allowed here`.',
  'connection refused': 'Start the server, or correct host and port in the store’s URL.',
  'host not found': 'Correct the host in the store’s URL, or the name service of the worker’s machine.',
  'no answer in time': 'Look for a firewall between the worker and this server.',
  'the server closed the connection': 'Look at the log of this server at this minute.',
  'the server takes no more connections': 'Raise maxclients of the server, or close connections there.',
  'the user lacks the right to INFO': 'Grant our user the commands of docs/preflight.md.',
  'the server is not ready yet': 'Wait until it has loaded its data or found its master.',
  'the server does not have a command that we need':
    'Ask who runs this server for the commands of docs/preflight.md: it may be older, or hide them.',
  'a server of the URL is no Sentinel':
    'Write hosts and ports of the Sentinels, which listen on 26379 unless told otherwise, or the redis:// URL of the server.',
  'no Sentinel of the URL answers':
    'Correct hosts and ports in the store’s URL; a Sentinel listens on 26379 unless told otherwise.',
  'Sentinel does not know a master of that name':
    'Write the name of `sentinel monitor` after the hosts: redis+sentinel://host:26379/name/0.',
  'the server that Sentinel names as master is none':
    'A failover is under way: run this again when it is over.',
  'the Sentinels want another user or password':
    'Let the Sentinels take the user and password of the URL, or none.',
  'not every slot of the cluster is served':
    'Bring back the master of the missing slots, or let a replica take over.',
  'does not say which nodes serve its slots':
    'Take `cluster: true` off the store if it is one server; else name nodes of the cluster, and grant our user +cluster|slots.',
};

/** Returns a red finding that says why a store could not be opened. */
export function unreachable(error: unknown): CheckFinding {
  const told = error instanceof StoreUnreachable ? error : { reason: otherReason(error), remedy: '' };
  const remedy =
    told.remedy || (REMEDIES[told.reason] ?? 'Try the URL with redis-cli from the worker’s machine.');
  return red(told.reason, REACHABLE_EXPECTED, /[.!?]$/.test(remedy) ? remedy : `${remedy}.`);
}

function otherReason(error: unknown): string {
  return error instanceof ClusterChanged ? error.message : reasonOf(error);
}
