import type { Redis } from 'ioredis';
import { readTyped } from '../../redis/verify/typed-read.ts';
import { eventually } from './eventually.ts';

/** Each look reads both copies whole, in the process that may be the sync's too. */
const PATIENT = { withinMs: 30_000, everyMs: 250 };

/** Read by the verifier's own path (L13): to the byte, expiry to the ms. */
export function sameKey(one: Redis, other: Redis, key: string): Promise<unknown> {
  return eventually(
    `both sides to hold the same ${key}`,
    async () => {
      const [[here], [there]] = await Promise.all([readTyped(one, [key]), readTyped(other, [key])]);
      // Not `toEqual`: a difference of a million elements would be printed.
      if (!here || !there || here.expireAtMs !== there.expireAtMs) return false;
      return (
        here.parts.length === there.parts.length &&
        here.parts.every((part, i) => part.equals(there.parts[i] as Buffer))
      );
    },
    PATIENT,
  );
}
