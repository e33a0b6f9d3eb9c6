import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import { tagged } from '../../domain/slot.ts';

const PROBE_TTL_MS = 60_000;

/** RDB version of what a server dumps: two bytes in front of the CRC64 that ends a DUMP. */
export async function payloadVersion(redis: Redis, keyspace: Keyspace, tag = ''): Promise<number> {
  const probe = tagged(keyspace.probe(`payload-${randomBytes(6).toString('hex')}`), tag);
  await redis.set(probe, '1', 'PX', PROBE_TTL_MS);
  const dump = await redis.dumpBuffer(probe);
  await redis.unlink(probe);
  if (!dump) throw new Error('a probe key of ours was gone at once');
  return dump.readUInt16LE(dump.length - 10);
}

/** Whether the server knows TTLs of hash fields (Redis 7.4, Valkey 9). */
export async function knowsFieldTtls(redis: Redis): Promise<boolean> {
  const [info] = (await redis.call('COMMAND', ['INFO', 'hpexpiretime'])) as unknown[];
  return Array.isArray(info);
}
