import type { Redis } from 'ioredis';

/** Measures one response as an app would see it, ms. */
export type Probe = () => Promise<number>;

/**
 * A probe of a store: the time of one GET. It reads a key under our own prefix, which need not exist.
 *
 * @param redis a connection of the probe alone, as an app has one: behind our own pipelines it would measure those
 */
export function makeProbe(redis: Redis, key: string): Probe {
  return async () => {
    const start = performance.now();
    await redis.getBuffer(key);
    return performance.now() - start;
  };
}
