import type { Redis } from 'ioredis';
import { difference } from '../../../redis/verify/compare.ts';
import { inOneForm } from '../../../redis/verify/large-state.ts';
import { readTyped } from '../../../redis/verify/typed-read.ts';
import { eventually } from '../eventually.ts';

/** Each try reads both values completely, perhaps in the process of the sync, so it tries seldom. */
const PATIENT = { everyMs: 250 };

/**
 * Resolves when both servers hold the same value, to the byte, and the same expiry, to the ms. It reads with the
 * verifier's code, which uses nothing of redis/replication/.
 */
export function sameKey(one: Redis, other: Redis, key: string): Promise<unknown> {
  return eventually(
    `both sides to hold the same ${key}`,
    async () => {
      const [[here], [there]] = await Promise.all([readTyped(one, [key]), readTyped(other, [key])]);
      if (!here || !there) return false;
      return difference(null, ...(await inOneForm(null, here, there))) === null;
    },
    PATIENT,
  );
}
