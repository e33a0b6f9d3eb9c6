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

/** Asks every shard of every link for a barrier and for zero pending from `side`, and waits for all answers. */
export async function drainLinks(
  target: Redis,
  keyspace: Keyspace,
  links: readonly Link[],
  side: Side,
  deadlineMs: number,
): Promise<void> {
  const id = randomUUID();
  for (const link of links) await writeControl(target, keyspace, link.name, { drain: { id, side } });
  let open = links.flatMap(shardsOf).map((shard) => shard.name);
  for (;;) {
    const answers = await Promise.all(open.map((name) => target.get(keyspace.drained(name))));
    open = open.filter((_name, i) => (JSON.parse(answers[i] ?? '{}') as Partial<Drained>).id !== id);
    if (open.length === 0) return;
    if (Date.now() > deadlineMs) throw new NotDrained(open);
    await delay(2);
  }
}
