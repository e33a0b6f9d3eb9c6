import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { type Link, linksOf, type Plan } from '../../domain/plan/plan.ts';
import { shardsOf } from '../../domain/keys/shard.ts';
import type { VerifyStatus } from '../../domain/gates/status.ts';
import { byteString } from '../client/key-bytes.ts';
import { readStatus, readLinkStatus } from '../state/link-status.ts';
import type { Stores } from '../client/stores.ts';
import { failedOf } from '../replication/reconcile/quarantine.ts';
import { verifyKeys } from '../verify/verify-keys.ts';

/** Pause before differing keys are read again, ms. */
const AGAIN_MS = 5;

/**
 * Re-reads on both sides the keys that were replicated since the last clean pass of the verifier. The verifier has
 * compared all other keys.
 *
 * @param deadlineMs ms of `performance.now()`
 * @returns how many keys were re-read
 * @throws Error keys differ, or the deadline has passed
 * @throws NothingCompared no key was compared, neither here nor by a whole pass of the verifier
 */
export async function verifyFenced(plan: Plan, stores: Stores, deadlineMs: number): Promise<number> {
  let [verified, seen] = [0, 0];
  for (const link of linksOf(plan)) {
    const [source, target] = [stores.named(link.name).redis, stores.target.redis];
    let keys = await recentlyReplicated(plan, link, target);
    verified += keys.length;
    seen += keys.length > 0 ? keys.length : await seenByVerifier(plan, link, target);
    for (;;) {
      const { different } = await verifyKeys(link, source, target, keys, () => assertInTime(deadlineMs));
      if (different.length === 0) break;
      // If a key expires between the read of one side and of the other, it differs for a moment. A real difference
      // stays.
      if (performance.now() > deadlineMs)
        throw new Error(`${different.length} keys of ${link.name} differ under the fence`);
      keys = different.map((one) => one.key);
      await delay(AGAIN_MS);
    }
  }
  if (seen === 0) throw new NothingCompared('any store');
  return verified;
}

/**
 * No difference in 0 keys proves nothing. The addresses may lead to other servers, or sync and verifier may have begun
 * a moment ago.
 */
class NothingCompared extends Error {
  override readonly name = 'NothingCompared';
  constructor(of: string) {
    super(
      `no key of ${of} was compared, neither under the fence nor by a whole pass of the verifier: wait for one to end, and see that the plan's addresses are those of the data`,
    );
  }
}

/**
 * Returns how many keys the verifier has found in its last whole pass. The caller asks if no key was replicated lately.
 * This is fine if the verifier has compared the keys that exist, or if the sync has found no key at all.
 *
 * @throws NothingCompared neither is the case
 */
async function seenByVerifier(plan: Plan, link: Link, target: Redis): Promise<number> {
  const keyspace = keyspaceOf(plan.migration);
  const keys = (await readStatus<VerifyStatus>(target, keyspace.verify(link.name)))?.pass?.keys ?? 0;
  if (keys === 0 && (await readLinkStatus(target, keyspace, link))?.total !== 0)
    throw new NothingCompared(link.name);
  return keys;
}

/**
 * Returns the keys that were replicated lately, without the values in quarantine. A quarantined value was not
 * replicated, and we know this, so it must not block a rollback. A key that is in quarantine because it failed again
 * and again may have been replicated, so it is compared.
 */
async function recentlyReplicated(plan: Plan, link: Link, redis: Redis): Promise<readonly string[]> {
  const keyspace = keyspaceOf(plan.migration);
  const quarantine = keyspace.quarantine(link.name);
  const held = new Set((await redis.hkeysBuffer(quarantine)).map(byteString));
  const recent = shardsOf(link).map(({ name }) => redis.lrangeBuffer(keyspace.recent(name), 0, -1));
  const keys = (await Promise.all(recent)).flat().map(byteString);
  const inQuarantine = keys.filter((key) => held.has(key));
  const failed = new Set(await failedOf(redis, quarantine, inQuarantine));
  return keys.filter((key) => !held.has(key) || failed.has(key));
}

/**
 * @param deadlineMs ms of `performance.now()`
 * @throws Error the apps have waited as long as the plan allows
 */
export function assertInTime(deadlineMs: number): void {
  if (performance.now() > deadlineMs) throw new Error('the fence budget is used up');
}
