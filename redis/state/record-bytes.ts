import type { Redis } from 'ioredis';

/**
 * Elements whose size the server looks at. It looks at five if not told otherwise, and our records differ a thousandfold:
 * a value, or a name only. Five small ones would make a full hash look almost empty. A thousand take some 0.1 ms.
 */
const SAMPLES = 1_000;

/**
 * Returns the memory that a key of ours takes on its server, bytes; 0 = there is no such key. It is exact up to a
 * thousand elements, and an estimate by a thousand of them above that.
 */
export async function recordBytes(redis: Redis, key: string | Buffer): Promise<number> {
  return Number(await redis.memory('USAGE', key, 'SAMPLES', SAMPLES)) || 0;
}
