import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keys/keyspace.ts';
import { tagged } from '../../domain/keys/slot.ts';

const PROBE_TTL_MS = 60_000;

/**
 * Returns the RDB version of a server's DUMP. It stands in two bytes in front of the CRC64 that ends a DUMP. The
 * function dumps a probe key of ours and deletes it; the key also expires after a minute.
 *
 * @param tag places the probe key on one node of a cluster; empty for a single server
 */
export async function payloadVersion(redis: Redis, keyspace: Keyspace, tag = ''): Promise<number> {
  const probe = tagged(keyspace.probe(`payload-${randomBytes(6).toString('hex')}`), tag);
  await redis.set(probe, '1', 'PX', PROBE_TTL_MS);
  const dump = await redis.dumpBuffer(probe);
  await redis.unlink(probe);
  if (!dump) throw new Error('a probe key of ours was gone at once');
  return dump.readUInt16LE(dump.length - 10);
}

/** Returns whether the server supports TTLs of hash fields (Redis 7.4, Valkey 9). */
export async function knowsFieldTtls(redis: Redis): Promise<boolean> {
  const [info] = (await redis.call('COMMAND', ['INFO', 'hpexpiretime'])) as unknown[];
  return Array.isArray(info);
}
