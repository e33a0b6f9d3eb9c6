import { Redis } from 'ioredis';

/** Opens a connection of the bench. It uses RESP2 and does not reconnect, so that a lost connection fails the run. */
export async function connectTo(url: string): Promise<Redis> {
  const redis = new Redis(url, { protocol: 2, lazyConnect: true, retryStrategy: () => null });
  // Without a listener ioredis prints each lost connection. The failed command reports it anyway.
  redis.on('error', () => undefined);
  await redis.connect();
  return redis;
}

/** Reads a number from INFO, which a server answers even while it loads data. NaN = there is no such field. */
export async function infoNumber(redis: Redis, section: string, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await redis.info(section))?.[1] ?? NaN);
}
