import type { Redis } from 'ioredis';
import { MOST_BATCH_KEYS, nextBatchKeys } from '../../domain/batch-keys.ts';
import type { Side } from '../../domain/side.ts';
import { nodesOf } from '../cluster/routed-redis.ts';

/**
 * How many keys a call may hold. The servers' own count of script time decides: INFO commandstats costs 10 µs once a
 * second, and a script cannot time itself (docs/decisions/0009). Scripts of apps count too: batches then become
 * smaller than they need be, never larger.
 */
export class Batch {
  keys = MOST_BATCH_KEYS;
  #looked = 0;
  readonly #spent = new Map<Side, number>();

  looked(keys: number): void {
    this.#looked += keys;
  }

  /** To be called about once a second. */
  async adapt(servers: Readonly<Record<Side, Redis>>, batchMs: number): Promise<void> {
    const looked = this.#looked;
    this.#looked = 0;
    const micros = [
      await this.#spentOn('source', servers.source),
      await this.#spentOn('target', servers.target),
    ];
    const known = micros.filter((spent) => spent !== null);
    const keyMicros = looked === 0 || known.length === 0 ? null : Math.max(...known) / looked;
    this.keys = nextBatchKeys(this.keys, keyMicros, batchMs);
  }

  /** Script time since the last look, µs; `null` = unknown: the first look, or somebody reset the count. */
  async #spentOn(side: Side, redis: Redis): Promise<number | null> {
    const stats = await Promise.all(nodesOf(redis).map((node) => node.redis.info('commandstats')));
    const counted = [...stats.join('\n').matchAll(/^cmdstat_evalsha(?:_ro)?:.*?usec=(\d+)/gm)];
    const now = counted.reduce((sum, [, micros]) => sum + Number(micros), 0);
    const before = this.#spent.get(side);
    this.#spent.set(side, now);
    return before === undefined || now < before ? null : now - before;
  }
}
