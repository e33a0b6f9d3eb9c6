import { Redis, type RedisOptions } from 'ioredis';
import { resolveUrl } from '../domain/environment.ts';
import type { Store } from '../domain/plan.ts';

/** Names and values of the process environment; given by the assembly, never read here. */
export type Environment = Readonly<Record<string, string | undefined>>;

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
  commandTimeout: 10_000,
  socketTimeout: 15_000,
} satisfies RedisOptions;

/**
 * Opens a connection to a store and waits until it is ready.
 *
 * @param purpose shows in CLIENT LIST as `jday:<purpose>`
 * @throws StoreUnreachable, without address or password in it
 */
export async function openStore(
  store: Store,
  environment: Environment,
  purpose: string,
  options: RedisOptions = {},
): Promise<Redis> {
  const redis = new Redis(resolveUrl(store.url, environment), {
    ...DATA_LINK,
    connectionName: `jday:${purpose}`,
    ...options,
  });
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
