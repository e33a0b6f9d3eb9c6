import type { Redis } from 'ioredis';
import type { Keyspace } from '../domain/keyspace.ts';
import type { Link } from '../domain/link.ts';
import { linkStatusOf } from '../domain/link-status.ts';
import { shardsOf } from '../domain/shard.ts';
import type { LinkStatus } from '../domain/status.ts';

/** What the syncs of a link say of themselves, as one; `null` when one of them has not said anything (L7). */
export async function readLinkStatus(
  target: Redis,
  keyspace: Keyspace,
  link: Link,
): Promise<LinkStatus | null> {
  // Not by MGET: on a cluster the statuses stand in several slots.
  const texts = await Promise.all(shardsOf(link).map((shard) => target.get(keyspace.status(shard.name))));
  return linkStatusOf(texts.map((text) => (text === null ? null : (JSON.parse(text) as LinkStatus))));
}
