import { setTimeout as delay } from 'node:timers/promises';
import { owns } from '../../domain/keys/shard.ts';
import { byteString, keyBytes } from '../client/key-bytes.ts';
import { type Attempt, takesPart } from './attempt/attempt.ts';
import { processBatch } from './attempt/apply-loop.ts';
import type { BornLive } from './reconcile/step-decision.ts';

const POLL_MS = 500;
/** Few keys at once, because the values of both sides are read whole. */
const KEYS_AT_ONCE = 64;

/**
 * Repairs the keys that the verifier found different for good (redis/verify/verifier.ts). No event will come for such a
 * key, or the ledger says that both sides agree, because two values may have one digest. So the full values of both
 * sides are read. A key that the ledger calls unchanged counts as changed on both sides, and the authority's value
 * wins. The write is a compare-and-set under the lease, and the loser goes to the conflict journal.
 *
 * A key that is checked out, or that changes meanwhile, is reconciled as usual. If it still differs afterwards, the
 * verifier names it again.
 */
export async function repairLoop(attempt: Attempt, bornLive: BornLive, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    // No repair under a pause, during a measurement of the impact, or while a side is suspect: then the value that
    // differs may be the right one.
    if (signal.aborted || attempt.control.paused || attempt.control.held || attempt.breaker.open) continue;
    const keys = await taken(attempt);
    if (keys.length === 0) continue;
    const works = attempt.dirty.checkOut(keys, performance.now());
    await processBatch(attempt, works, 'mend', bornLive, signal);
  }
}

/**
 * Takes keys off the verifier's list. This comes before the repair: if this attempt is killed in between, the verifier
 * names the keys again.
 */
async function taken(attempt: Attempt): Promise<readonly string[]> {
  const { lines, keyspace, shard, guards, keyMap } = attempt;
  const list = keyspace.mend(shard.name);
  const named = (await lines.target.tracker.smembersBuffer(list)).slice(0, KEYS_AT_ONCE).map(byteString);
  if (named.length === 0) return [];
  await guards.target('SREM', list, ...named.map(keyBytes));
  return named.filter((key) => {
    const dataset = keyMap.owner('source', key);
    return dataset !== null && owns(shard, key) && takesPart(attempt, dataset);
  });
}
