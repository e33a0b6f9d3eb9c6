import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../domain/keyspace.ts';
import { type Link, linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import { shardsOf } from '../../domain/shard.ts';
import { byteString } from '../key-bytes.ts';
import type { Stores } from '../stores.ts';
import { verifyKeys } from '../verify/verify-keys.ts';
import { assertInTime } from './in-time.ts';

const AGAIN_MS = 5;

/**
 * Reads anew, on both sides, what was carried since the verifier last found everything clean; the rest it has seen.
 *
 * @returns how many keys
 * @throws when keys differ, or when it is too late
 */
export async function verifyFenced(plan: Plan, stores: Stores, deadlineMs: number): Promise<number> {
  let verified = 0;
  for (const link of linksOf(plan)) {
    const [source, target] = [stores.named(link.name).redis, stores.target.redis];
    let keys = await carriedLately(plan, link, target);
    verified += keys.length;
    for (;;) {
      const { different } = await verifyKeys(link, source, target, keys, () => assertInTime(deadlineMs));
      if (different.length === 0) break;
      // A natural expiry between the two reads is a difference for a moment; a real one stays.
      if (Date.now() > deadlineMs)
        throw new Error(`${different.length} keys of ${link.name} differ under the fence`);
      keys = different.map((one) => one.key);
      await delay(AGAIN_MS);
    }
  }
  return verified;
}

/** A value in quarantine did not travel and is known not to: it must not keep the way back shut. */
async function carriedLately(plan: Plan, link: Link, redis: Redis): Promise<readonly string[]> {
  const keyspace = keyspaceOf(plan.migration);
  const held = new Set((await redis.hkeysBuffer(keyspace.quarantine(link.name))).map(byteString));
  const recent = shardsOf(link).map(({ name }) => redis.lrangeBuffer(keyspace.recent(name), 0, -1));
  const keys = (await Promise.all(recent)).flat().map(byteString);
  return keys.filter((key) => !held.has(key));
}
