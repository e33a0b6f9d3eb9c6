import { Redis } from 'ioredis';

/** A connection of the bench itself: RESP2, no reconnect, as an app of ours would rather see the cut. */
export async function connectTo(url: string): Promise<Redis> {
  const redis = new Redis(url, { protocol: 2, lazyConnect: true, retryStrategy: () => null });
  // Without a listener ioredis prints each lost connection; the failed command tells it anyway.
  redis.on('error', () => undefined);
  await redis.connect();
  return redis;
}

/** A number out of INFO, as `dbsize` would be if it could be asked of a loading server. */
export async function infoNumber(redis: Redis, section: string, field: string): Promise<number> {
  return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await redis.info(section))?.[1] ?? NaN);
}
