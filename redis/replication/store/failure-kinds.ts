import { ClusterChanged, isRedirection } from '../../client/topology.ts';
import { LineSilent } from '../../client/data-link.ts';
import { StoreUnreachable } from '../../client/unreachable.ts';
import { MasterChanged } from '../../client/sentinel.ts';

/**
 * Error replies about the server, and not about the key of the command. A missing right inside a script gives an ERR
 * reply on some servers: Redis 7.0 says "The user executing the script", Valkey says "ACL failure in script".
 */
const OF_SERVER =
  /^(?:LOADING|READONLY|MASTERDOWN|MISCONF|NOAUTH|NOREPLICAS|NOSCRIPT|BUSY|UNKILLABLE|OOM)\b|^(?:NOPERM|ERR ACL failure in script:|ERR The user executing the script) (?!.*\bkeys?\b)/;
const LOST = /Connection is closed|ECONN|EPIPE/;

/**
 * Returns true when the connection broke or fell silent. Only meaningful after the caller has excluded the errors that
 * end an attempt (`isOfOneKey`): their messages can look alike.
 */
export function isLineLost(error: unknown): boolean {
  return error instanceof LineSilent || (error instanceof Error && LOST.test(error.message));
}

/**
 * Returns true when the failure may concern only the key of the command. As far as the error shows, the lease, the feed
 * and the server are fine.
 */
export function isOfOneKey(error: unknown): boolean {
  if (!(error instanceof Error) || isRedirection(error)) return false;
  if ([LeaseLost, ClusterChanged, MasterChanged, StoreUnreachable].some((kind) => error instanceof kind))
    return false;
  return !OF_SERVER.test(error.message);
}

/**
 * Returns true when the server refuses one key, and the connection still works. The other keys of the same call may
 * succeed without that key.
 */
export function isRefusedKey(error: unknown): boolean {
  return isOfOneKey(error) && !isLineLost(error);
}

/** Says in our own words why a key failed. A server's message can contain keys or values, which must stay in Redis. */
export function whyOf(error: unknown): string {
  if (isLineLost(error)) return 'the line broke or fell silent at it, three times in a row';
  if (!(error instanceof Error)) return 'it failed three times in a row';
  const [code] = /^[A-Z]{2,}(?= )/.exec(error.message) ?? [];
  return code
    ? `the server answered ${code}, three times in a row`
    : `it failed three times in a row (${error.name})`;
}

/** Another attempt holds the lease. This attempt must stop, and must not write anything more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  constructor() {
    super('a newer attempt of the sync holds the lease');
  }
}
