import type { Redis } from 'ioredis';
import { FAILURES } from '../../domain/failure.ts';
import type { Keyspace } from '../../domain/keyspace.ts';
import type { Link } from '../../domain/link.ts';

/** The ledger of this link was written by another number of shards. Nothing was changed. */
export class ShardCountChanged extends Error {
  override readonly name = FAILURES.BadConfiguration;
  constructor(link: string, held: number, asked: number) {
    super(
      `the ledger of ${link} belongs to ${held} shard(s), the plan says ${asked}: write \`shards: ${held}\` into the plan`,
    );
  }
}

/**
 * A key whose shard changed would change its lease too: an attempt of the old shard would not be fenced out (L1),
 * and tokens of two leases do not order the entries of one ledger. So the first sync fixes the number.
 *
 * @throws ShardCountChanged
 */
export async function holdShardCount(target: Redis, keyspace: Keyspace, link: Link): Promise<void> {
  await target.set(keyspace.shards(link.name), String(link.shards), 'NX');
  await checkShardCount(target, keyspace, link);
}

/** The same question before anything is begun. */
export async function checkShardCount(target: Redis, keyspace: Keyspace, link: Link): Promise<void> {
  const held = Number((await target.get(keyspace.shards(link.name))) ?? link.shards);
  if (held !== link.shards) throw new ShardCountChanged(link.name, held, link.shards);
}
