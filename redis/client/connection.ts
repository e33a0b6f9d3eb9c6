import type { Redis, RedisOptions } from 'ioredis';
import type { Store } from '../../domain/plan/plan.ts';
import { formatServerUrl } from '../../domain/plan-file/server-url.ts';
import { assertUnchanged, ClusterChanged } from './topology.ts';
import { coversAllSlots, type OpenNode, readSlotMap, RoutedRedis } from './cluster-client.ts';
import { DataLink, type LinkOptions } from './data-link.ts';
import { answerKind } from './server-answer.ts';
import { openNamedMaster, urlOfNamedMaster } from './sentinel.ts';
import { addressOf, type Environment, type ServerAddress, serverAddress } from './store-address.ts';
import { because, diagnose, StoreUnreachable, troubleOf, vagueTrouble } from './unreachable.ts';

export { type LinkOptions, REPLY_MS } from './data-link.ts';
export type { Environment } from './store-address.ts';
export { StoreUnreachable } from './unreachable.ts';

/**
 * A data connection never reconnects by itself. ioredis would send a whole pipeline again, and an INCR would count
 * twice. Instead the attempt ends, and the next attempt reads the state again. The protocol is RESP2, because ioredis 6
 * drops the push messages of RESP3.
 */
const DATA_LINK = {
  protocol: 2,
  lazyConnect: true,
  retryStrategy: () => null,
  maxRetriesPerRequest: 0,
  enableReadyCheck: true,
  connectTimeout: 5_000,
  // ioredis sleeps as long as the server expects its loading to take. Early in a load that guess is far too long.
  maxLoadingRetryTime: 100,
} satisfies RedisOptions;

/**
 * Checks a new connection before it is used. Throws when the connection does not reach the store that the migration
 * claimed; an address may lead to another server by now.
 */
export type IdentityProof = (redis: Redis, store: Store) => Promise<void>;

/**
 * Opens a connection to a store and waits until it is ready. For a cluster it connects to all masters. For a URL of
 * Sentinels it connects to the master that Sentinel names at this moment.
 *
 * @param purpose CLIENT LIST shows it as `jday:<purpose>`
 * @throws StoreUnreachable, which says what is wrong and holds no password
 * @throws ClusterChanged when the nodes report different slot maps; the caller may try again
 * @throws the error of `prove`
 */
export async function openStore(
  store: Store,
  environment: Environment,
  purpose: string,
  options: LinkOptions = {},
  prove?: IdentityProof,
): Promise<Redis> {
  const redis = await openUnproven(store, environment, purpose, options);
  try {
    await prove?.(redis, store);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

async function openUnproven(
  store: Store,
  environment: Environment,
  purpose: string,
  options: LinkOptions,
): Promise<Redis> {
  const shared = { ...DATA_LINK, connectionName: `jday:${purpose}`, ...options };
  const open: Open = (address, waits = {}) =>
    connect(store, new DataLink({ ...shared, ...address, ...waits }));
  const openFirst = (address: ServerAddress) =>
    open(address).catch((error: unknown) => explain(store, address, error));
  const address = addressOf(store, environment);
  if ('sentinels' in address) {
    const { sentinels, tls } = address;
    return openNamedMaster(sentinels, tls, store.name, (url) => openFirst(serverAddress(url, tls)), shared);
  }
  if (!store.cluster) return openFirst(address.servers[0]);
  const [one, first] = await openAny(address.servers, openFirst);
  // Only host and port differ between the nodes. User, password and TLS come from the URL of the plan.
  return openMasters(store, first, (host, port, waits) => open({ ...one, host, port }, waits));
}

type Open = (address: ServerAddress, waits?: LinkOptions) => Promise<Redis>;

/**
 * Finds out why the first connection to a store failed, if its error does not say it. Later connections to other nodes
 * do without: they may not take longer than their timeouts.
 */
async function explain(store: Store, address: ServerAddress, error: unknown): Promise<never> {
  if (!(error instanceof StoreUnreachable) || troubleOf(error.cause, address)) throw error;
  throw new StoreUnreachable(store.name, await diagnose(address, error.cause), { cause: error.cause });
}

/**
 * Returns the URL of a store's server. It is the URL as the plan states it, references to the environment included. For
 * a URL of Sentinels it is the URL of the master that Sentinel names at this moment.
 *
 * @throws StoreUnreachable when the Sentinels do not name a master
 */
export async function urlOfServer(store: Store, environment: Environment): Promise<string> {
  const address = addressOf(store, environment);
  if (!('sentinels' in address)) return store.url;
  return formatServerUrl(await urlOfNamedMaster(address.sentinels, address.tls, store.name, DATA_LINK));
}

/**
 * Connects to the first of the nodes that answers.
 *
 * @throws the error of the last node when no node answers
 */
async function openAny(
  addresses: readonly ServerAddress[],
  open: (address: ServerAddress) => Promise<Redis>,
): Promise<readonly [ServerAddress, Redis]> {
  let failure: unknown;
  for (const address of addresses) {
    try {
      return [address, await open(address)];
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
    if (!coversAllSlots(map))
      throw new StoreUnreachable(store.name, because('not every slot of the cluster is served'));
    for (const { host, port } of map.masters) opened.push(await openNode(host, port));
    const all = new RoutedRedis(map, opened, openNode);
    // A node that was cut off may report an old slot map and believe that it is a master. We must not write there.
    await assertUnchanged(all);
    return all;
  } catch (error) {
    for (const redis of opened) redis.disconnect();
    if (error instanceof StoreUnreachable || error instanceof ClusterChanged) throw error;
    throw new StoreUnreachable(store.name, because('does not say which nodes serve its slots'), {
      cause: error,
    });
  } finally {
    first.disconnect();
  }
}

/**
 * Proves that a connection without a ready check is logged in. A ready check sends a command, which fails without a
 * login. Without it our first command is CLIENT NO-TOUCH, and Redis 7.0 answers "unknown subcommand" to it before it
 * says NOAUTH. So a connection without a login would count as open. NOPERM is no problem: the server knows the user.
 */
async function assertKnowsUs(redis: Redis): Promise<void> {
  await redis.call('ACL', ['WHOAMI']).catch(async (error: unknown) => {
    if (answerKind(error) === 'denied') return;
    if (answerKind(error) !== 'no such command') throw error;
    // A server that hides ACL says so to everybody. To a client without a login it does not say PONG.
    await redis.ping();
  });
}

async function connect(store: Store, redis: Redis): Promise<Redis> {
  // Without a listener ioredis prints the error itself, address included. The rejected command reports it anyway.
  let cause: unknown;
  redis.on('error', (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    if (!redis.options.enableReadyCheck) await assertKnowsUs(redis);
    await withoutTouch(redis);
    return redis;
  } catch (error) {
    redis.disconnect();
    // The rejection says only that the connection is closed. The error event before it says why.
    const why = cause ?? error;
    const { tls } = redis.options as Pick<ServerAddress, 'tls'>;
    throw new StoreUnreachable(store.name, troubleOf(why, { tls }) ?? vagueTrouble(why), { cause: why });
  }
}

/**
 * Turns on CLIENT NO-TOUCH, so that our reads do not make cold keys look used. Otherwise the server could evict used
 * keys before cold ones. The preflight check `idle times` tells the operator what a failure means.
 *
 * @returns `unknown` on servers before Redis 7.2, which do not have the command; `forbidden` if our user may not run it
 */
export async function withoutTouch(redis: Redis): Promise<'done' | 'unknown' | 'forbidden'> {
  try {
    await redis.call('CLIENT', ['NO-TOUCH', 'ON']);
    return 'done';
  } catch (error) {
    const kind = answerKind(error);
    // Servers before Redis 6 say that the syntax is wrong.
    const badSyntax = error instanceof Error && /syntax error/i.test(error.message);
    if (kind === 'no such command' || badSyntax) return 'unknown';
    if (kind === 'denied') return 'forbidden';
    throw error;
  }
}
