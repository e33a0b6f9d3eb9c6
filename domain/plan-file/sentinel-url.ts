import {
  databaseOf,
  hostAndPort,
  isUrlProblem,
  partsOf,
  type ServerUrl,
  type UrlProblem,
} from './server-url.ts';

/** The Sentinels that know which server is the master of a store, and the login to that server, decoded. */
export type SentinelUrl = Omit<ServerUrl, 'host' | 'port'> & {
  readonly sentinels: readonly { readonly host: string; readonly port: number }[];
  /** Name of the master in Sentinel. */
  readonly master: string;
};

const SENTINEL_PORT = 26_379;
const SCHEME = /^(rediss?)\+sentinel:\/\//;
const FORM = 'redis+sentinel://user:${PASSWORD}@host:26379,host:26379/name-of-the-master/0';

export function isSentinelUrl(text: string): boolean {
  return SCHEME.test(text);
}

/**
 * Parses `redis+sentinel://user:password@host:port,host:port/name/database`. The login is for the servers. We ask the
 * Sentinels without it, and with it when they demand one.
 */
export function parseSentinelUrl(text: string): SentinelUrl | UrlProblem {
  const [whole = '', scheme] = SCHEME.exec(text) ?? [];
  const parts = partsOf(text.slice(whole.length));
  if (isUrlProblem(parts)) return { ...parts, expected: `${parts.expected}, as in ${FORM}` };
  const sentinels = parts.place.split(',').map((one) => hostAndPort(one.trim(), SENTINEL_PORT));
  const known = sentinels.filter((one) => one !== null);
  if (known.length < sentinels.length)
    return { expected: `hosts with commas between, as in ${FORM}`, found: 'one that cannot be read' };
  const [, master = '', database = '', ...more] = parts.path.split('/');
  const name = decoded(master);
  if (name === null || name === '')
    return {
      expected: `the master’s name after the hosts, as in ${FORM}`,
      found: name === '' ? 'none' : 'a % that begins no code',
    };
  const number = more.length > 0 ? null : databaseOf(`/${database}`);
  if (number === null)
    return { expected: `a database number after the master’s name, as in ${FORM}`, found: 'something else' };
  const { username, password } = parts;
  return { tls: scheme === 'rediss', username, password, sentinels: known, master: name, database: number };
}

/** Returns the URL of a server that Sentinel has named. */
export function urlOfMaster(
  { tls, username, password, database }: SentinelUrl,
  host: string,
  port: number,
): ServerUrl {
  return { tls, username, password, host, port, database };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
