import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { Link } from '../../domain/link.ts';
import { shardsOf } from '../../domain/shard.ts';
import type { Side } from '../../domain/side.ts';
import { writeControl } from '../control.ts';
import type { Drained } from '../sync/drain.ts';

/** Not everything that `side` had accepted arrived on the other side in time. */
export class NotDrained extends Error {
  override readonly name = 'NotDrained';
  readonly shards: readonly string[];
  constructor(shards: readonly string[]) {
    super(`the sync did not drain in time: ${shards.join(', ')}`);
    this.shards = shards;
  }
}

/**
 * Asks every shard of every link for a barrier and for zero pending from `side`, and waits for all answers.
 *
 * @returns the sides that were suspect when that was so: what is held back of them is not pending (L5)
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
    const answers = told.map((one) => JSON.parse(one ?? '{}') as Partial<Drained>);
    for (const answer of answers.filter((one) => one.id === id))
      for (const one of answer.suspects ?? []) suspects.add(one);
    open = open.filter((_name, i) => answers[i]?.id !== id);
    if (open.length === 0) return [...suspects];
    if (Date.now() > deadlineMs) throw new NotDrained(open);
    await delay(2);
  }
}
