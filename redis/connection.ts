import { Redis, type RedisOptions } from 'ioredis';
import { resolveUrl, resolveUrls } from '../domain/environment.ts';
import type { Store } from '../domain/plan.ts';
import { assertUnchanged, ClusterChanged } from './cluster/cluster-changed.ts';
import { type OpenNode, RoutedRedis } from './cluster/routed-redis.ts';
import { isWhole, readSlotMap } from './cluster/slot-map.ts';

/** Names and values of the process environment; given by the assembly, never read here. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Longest time that an answer is waited for, ms; what was sent may still happen. */
export const REPLY_MS = 10_000;

/**
 * A data connection never reconnects by itself: ioredis re-sends whole pipelines, so an INCR would count twice.
 * The attempt ends instead and the next one looks again (L8). RESP2, because ioredis 6 drops RESP3 pushes.
 */
const DATA_LINK = {
  protocol: 2,
  lazyConnect: true,
  retryStrategy: () => null,
  maxRetriesPerRequest: 0,
  enableReadyCheck: true,
  connectTimeout: 5_000,
  commandTimeout: REPLY_MS,
  socketTimeout: 15_000,
  // ioredis sleeps for the server's guess of how long it will load, and early in a load that guess is many times too long.
  maxLoadingRetryTime: 100,
} satisfies RedisOptions;

/**
 * Opens a connection to a store and waits until it is ready; to all masters of a store that is a cluster.
 *
 * @param purpose shows in CLIENT LIST as `jday:<purpose>`
 * @throws StoreUnreachable, without address or password in it; ClusterChanged: its nodes do not say the same, try again
 */
export async function openStore(
  store: Store,
  environment: Environment,
  purpose: string,
  options: RedisOptions = {},
): Promise<Redis> {
  const shared = { ...DATA_LINK, connectionName: `jday:${purpose}`, ...options };
  const open = (url: string) => connect(store, new Redis(url, shared));
  if (!store.cluster) return open(resolveUrl(store.url, environment));
  const [url, first] = await openAny(resolveUrls(store.url, environment), open);
  // Address and port alone differ: user, password and TLS are those of the plan's address.
  return openMasters(store, first, (host, port) => open(urlAt(url, host, port)));
}

/** The first of the named nodes that answers; what the last one said when none does. */
async function openAny(
  urls: readonly string[],
  open: (url: string) => Promise<Redis>,
): Promise<readonly [string, Redis]> {
  let failure: unknown;
  for (const url of urls) {
    try {
      return [url, await open(url)];
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function openMasters(store: Store, first: Redis, openNode: OpenNode): Promise<RoutedRedis> {
  const opened: Redis[] = [];
  try {
    const map = await readSlotMap(first, first.options.host ?? '');
    if (!isWhole(map)) throw new StoreUnreachable(store.name, 'not every slot of the cluster is served', {});
    for (const { host, port } of map.masters) opened.push(await openNode(host, port));
    const all = new RoutedRedis(map, opened, openNode);
    // A node that was away may answer by a map of long ago, and take itself for a master (L1).
    await assertUnchanged(all);
    return all;
  } catch (error) {
    for (const redis of opened) redis.disconnect();
    if (error instanceof StoreUnreachable || error instanceof ClusterChanged) throw error;
    throw new StoreUnreachable(store.name, 'does not say which nodes serve its slots', { cause: error });
  } finally {
    first.disconnect();
  }
}

/** The address of another node, as the user of the plan's URL. */
export function urlAt(url: string, host: string, port: number): string {
  const other = new URL(url);
  other.hostname = host.includes(':') ? `[${host}]` : host;
  other.port = String(port);
  return other.href;
}

async function connect(store: Store, redis: Redis): Promise<Redis> {
  // Without a listener ioredis prints the error itself, address included; the rejected command tells it anyway.
  let cause: unknown;
  redis.on('error', (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    await doNotTouch(redis);
    return redis;
  } catch (error) {
    redis.disconnect();
    // The rejection says only that the connection is closed; the event before it says why.
    throw new StoreUnreachable(store.name, reasonOf(cause ?? error), { cause: error });
  }
}

/**
 * Our reading must not keep cold keys alive (L14). Servers before Redis 7.2 do not know how, and a user may lack the
 * right: the preflight says what that means there.
 */
export async function doNotTouch(redis: Redis): Promise<'done' | 'unknown' | 'forbidden'> {
  try {
    await redis.call('CLIENT', ['NO-TOUCH', 'ON']);
    return 'done';
  } catch (error) {
    const text = error instanceof Error ? error.message : '';
    if (/unknown subcommand|syntax error/i.test(text)) return 'unknown';
    if (/NOPERM/.test(text)) return 'forbidden';
    throw error;
  }
}

export class StoreUnreachable extends Error {
  override readonly name = 'StoreUnreachable';
  readonly store: string;
  readonly reason: string;
  constructor(store: string, reason: string, options: ErrorOptions) {
    super(`store ${store}: ${reason}`, options);
    this.store = store;
    this.reason = reason;
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/WRONGPASS|NOAUTH|invalid username-password/i.test(text)) return 'wrong user or password';
  if (/ECONNREFUSED/.test(text)) return 'connection refused';
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'host not found';
  if (/ETIMEDOUT|timed? ?out/i.test(text)) return 'no answer in time';
  if (/NOPERM/.test(text)) return 'the user lacks rights';
  return 'cannot connect';
}
