import { resolveUrl, UnsetVariable, variablesOf } from '../../domain/plan/environment.ts';
import type { Store } from '../../domain/plan/plan.ts';
import type { SentinelUrl } from '../../domain/plan-file/sentinel-url.ts';
import { isUrlProblem, type ServerUrl } from '../../domain/plan-file/server-url.ts';
import { parseStoreUrl, type StoreUrl } from '../../domain/plan-file/store-url.ts';
import { PemUnusable, readTlsFiles, type TlsMaterial } from '../tls/pem-files.ts';
import { STORE_TLS, StoreUnreachable } from './unreachable.ts';

/** Names and values of the process environment. The code that assembles the process passes them in. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where a server is and how to log in, as options of ioredis. It is plain data, which may be passed to a thread. */
export type ServerAddress = {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls?: TlsMaterial;
};

/** Where a store is: one server, the nodes of a cluster that the plan names, or Sentinels. */
export type StoreAddress = { readonly tls: TlsMaterial | undefined } & (
  | { readonly servers: readonly [ServerAddress, ...ServerAddress[]] }
  | { readonly sentinels: SentinelUrl }
);

/**
 * Resolves the URL of a store and reads its files for TLS. Every connection to a store begins here, so a changed
 * variable or a renewed certificate counts from the next connection on.
 *
 * @throws StoreUnreachable when the URL or a file cannot be used
 */
export function addressOf(store: Store, environment: Environment): StoreAddress {
  const url = urlOf(store, environment);
  const tls = tlsOf(store, url.tls);
  if (!('servers' in url)) return { tls, sentinels: url };
  const [first, ...others] = url.servers.map((server) => serverAddress(server, tls));
  if (!first) throw new Error('a URL of no server');
  return { tls, servers: [first, ...others] };
}

/**
 * Returns the address of a store that is one server, named by its URL.
 *
 * @throws StoreUnreachable when it is no such store, or its URL or a file cannot be used
 */
export function serverAddressOf(store: Store, environment: Environment): ServerAddress {
  const address = addressOf(store, environment);
  if ('servers' in address) return address.servers[0];
  throw new StoreUnreachable(store.name, { reason: 'its URL names Sentinels and no server', remedy: '' });
}

/** Returns the options of a connection to a server. */
export function serverAddress(url: ServerUrl, tls: TlsMaterial | undefined): ServerAddress {
  const { username, password, host, port, database } = url;
  return {
    host,
    port,
    ...(username !== '' && { username }),
    ...((username !== '' || password !== '') && { password }),
    db: database,
    ...(tls && { tls }),
  };
}

function urlOf({ name, url, cluster = false }: Store, environment: Environment): StoreUrl {
  const parsed = parseStoreUrl(resolved(name, url, environment), cluster);
  if (!isUrlProblem(parsed)) return parsed;
  const reason = `its URL cannot be used: expected ${parsed.expected}, found ${parsed.found}`;
  throw new StoreUnreachable(name, { reason, remedy: `Correct ${variablesOf(url)}` });
}

function resolved(store: string, reference: string, environment: Environment): string {
  try {
    return resolveUrl(reference, environment);
  } catch (error) {
    if (!(error instanceof UnsetVariable)) throw error;
    const trouble = { reason: error.message, remedy: 'Set it for the worker, and start the worker again' };
    throw new StoreUnreachable(store, trouble, { cause: error });
  }
}

function tlsOf({ name, tls }: Store, encrypted: boolean): TlsMaterial | undefined {
  if (!encrypted && tls)
    throw new StoreUnreachable(name, {
      reason: 'the plan names files for TLS, and the URL is a redis:// URL, which is plain text',
      remedy: 'Write rediss:// in the URL, or take `tls` off the store',
    });
  if (!encrypted) return undefined;
  try {
    return readTlsFiles(tls ?? {}, STORE_TLS);
  } catch (error) {
    if (error instanceof PemUnusable) throw new StoreUnreachable(name, error.trouble, { cause: error });
    throw error;
  }
}
