import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import type { Link } from '../../domain/plan/plan.ts';
import { linkStatusOf } from '../../domain/gates/link-status.ts';
import { shardsOf } from '../../domain/keys/shard.ts';
import type { LinkStatus, Dated } from '../../domain/gates/status.ts';
import { readDated } from './dated-record.ts';

/**
 * Reads the statuses of all shards of a link and combines them into one.
 *
 * @returns `null` if a shard has no status yet: with one part unknown, the whole is unknown
 */
export async function readLinkStatus(
  target: Redis,
  keyspace: Keyspace,
  link: Link,
): Promise<Dated<LinkStatus> | null> {
  // MGET does not work here: on a cluster the statuses are in several slots.
  const words = shardsOf(link).map((shard) => readDated<LinkStatus>(target, keyspace.status(shard.name)));
  return linkStatusOf(await Promise.all(words));
}

/** Reads a record of ours that is stored as JSON. `null` = there is no record. */
export async function readStatus<T>(redis: Redis, key: string): Promise<T | null> {
  const text = await redis.get(key);
  return text === null ? null : (JSON.parse(text) as T);
}
