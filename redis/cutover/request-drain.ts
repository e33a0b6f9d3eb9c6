import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Keyspace, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { type Link, linksOf, type Plan, type Side } from '../../domain/plan/plan.ts';
import { shardsOf } from '../../domain/keys/shard.ts';
import { writeControl } from '../state/control.ts';
import type { Drained, Waiting } from '../replication/drain.ts';
import type { Stores } from '../client/stores.ts';
import { raiseFence } from '../fence/raise-fence.ts';
import { copyStoreOf } from '../fence/fence-records.ts';

/** The sync did not bring everything that one side had accepted to the other side in time. */
class NotDrained extends Error {
  override readonly name = 'NotDrained';
  readonly shards: readonly string[];
  /** True if every shard that is not done waits only for keys that failed again and again. */
  readonly onlyFailed: boolean;
  /** @param failed for each shard that waits only for keys that failed again and again: how many keys */
  constructor(shards: readonly string[], failed: readonly number[]) {
    const sum = failed.reduce((all, one) => all + one, 0);
    const failing =
      sum === 0
        ? ''
        : `; ${sum} key(s) failed again and again, as the quarantine says: mend or delete them, and try again`;
    super(`the sync did not drain in time: ${shards.join(', ')}${failing}`);
    this.shards = shards;
    this.onlyFailed = failed.length === shards.length;
  }
}

/**
 * Asks every shard of every link to drain `side`: to pass a barrier through the change feed, and then to have no change
 * of that side pending. Waits for all answers.
 *
 * @param deadlineMs ms of `performance.now()`
 * @returns the suspect sides at that moment. Keys that the circuit breaker holds back do not count as pending, so the
 *   caller must check this list before it relies on the drain
 * @throws NotDrained
 */
export async function drainLinks(
  target: Redis,
  keyspace: Keyspace,
  links: readonly Link[],
  side: Side,
  deadlineMs: number,
): Promise<readonly Side[]> {
  const id = randomUUID();
  for (const link of links) await writeControl(target, keyspace, link.name, { drain: { id, side } });
  const suspects = new Set<Side>();
  let open = links.flatMap(shardsOf).map((shard) => shard.name);
  for (;;) {
    const told = await Promise.all(open.map((name) => target.get(keyspace.drained(name))));
    const answers = told.map((one) => JSON.parse(one ?? '{}') as Partial<Drained & Waiting>);
    for (const answer of answers.filter((one) => one.id === id))
      for (const one of answer.suspects ?? []) suspects.add(one);
    open = open.filter((_name, i) => answers[i]?.id !== id);
    if (open.length === 0) return [...suspects];
    if (performance.now() > deadlineMs) {
      const waiting = answers.filter((one) => one.waits === id);
      throw new NotDrained(
        open,
        waiting.map((one) => one.failed ?? 0),
      );
    }
    await delay(2);
  }
}

/** Longest wait for this drain, ms: long enough for a backlog, short enough for an operator who waits for V1. */
const PATIENCE_MS = 10_000;

/**
 * Brings to V1 what V2's apps wrote in the migrated datasets. An abort before the flip does this before it clears V2;
 * otherwise these acknowledged writes would be lost. V2's app users are fenced from here on, and `clearTarget` gives
 * them their rules back. With `mode: forward` the function does nothing.
 */
export async function drainToSource(plan: Plan, stores: Stores): Promise<void> {
  if (plan.mode === 'forward') return;
  const keyspace = keyspaceOf(plan.migration);
  await raiseFence(stores.target, keyspace, null, copyStoreOf(stores, stores.target));
  const deadlineMs = performance.now() + PATIENCE_MS;
  await drainLinks(stores.target.redis, keyspace, linksOf(plan), 'target', deadlineMs).catch(
    (error: unknown) => {
      // V1 serves and has its own values. A key that fails again and again must not keep an abort from ending.
      if (!(error instanceof NotDrained && error.onlyFailed)) throw error;
    },
  );
}
