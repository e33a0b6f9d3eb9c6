import type { Redis } from 'ioredis';
import type { Keyspace } from '../../domain/keyspace.ts';
import { tagged } from '../../domain/slot.ts';
import { RoutedRedis } from '../cluster/routed-redis.ts';
import { LeaseLost } from './apply-writes.ts';
import type { SidePort, SidePorts } from './side-port.ts';

/**
 * Takes the fencing lease on both sides with a token greater than any before (L1). From then on a late write of
 * an earlier attempt is refused by the server itself. The lease never lapses by time: clocks decide nothing here.
 *
 * On a cluster scripts compare with a lease of their own node, under a tag whose slot it serves. An attempt makes its
 * tags known before it takes its token, so a later one finds and raises every lease that an earlier one could still
 * compare with, wherever its slot has gone since.
 */
export async function takeLease(ports: SidePorts, keyspace: Keyspace, shard: string): Promise<number> {
  const lease = keyspace.lease(shard);
  for (const side of ['target', 'source'] as const) await tellTags(ports[side], keyspace.tags(shard));
  const held = await Promise.all([
    heldOn(ports.source, keyspace, shard),
    heldOn(ports.target, keyspace, shard),
  ]);
  const token = Math.max(0, ...held.flat()) + 1;
  // The target first: of two attempts that chose the same token one is refused there.
  for (const side of ['target', 'source'] as const) await raise(ports[side], lease, token);
  for (const side of ['target', 'source'] as const)
    for (const key of (await leasesOf(ports[side], keyspace, shard)).slice(1))
      await raise(ports[side], key, token);
  return token;
}

/** Tags that attempts of a shard have made known on a side; one server needs none. */
export async function tagsTold(redis: Redis, keyspace: Keyspace, shard: string): Promise<readonly string[]> {
  return redis instanceof RoutedRedis ? redis.smembers(keyspace.tags(shard)) : [];
}

async function tellTags({ redis }: SidePort, known: string): Promise<void> {
  if (redis instanceof RoutedRedis) await redis.sadd(known, ...redis.nodes.map(({ tag }) => tag));
}

async function heldOn(port: SidePort, keyspace: Keyspace, shard: string): Promise<readonly number[]> {
  const keys = await leasesOf(port, keyspace, shard);
  return (await Promise.all(keys.map((key) => port.redis.get(key)))).map(Number);
}

/** The lease of a shard as the side as a whole holds it, and as nodes do. */
async function leasesOf({ redis }: SidePort, keyspace: Keyspace, shard: string): Promise<readonly string[]> {
  const tags = await tagsTold(redis, keyspace, shard);
  return ['', ...tags].map((tag) => tagged(keyspace.lease(shard), tag));
}

async function raise(port: SidePort, lease: string, token: number): Promise<void> {
  const taken = await port.run('raiseLease', [lease], [String(token)]);
  if (Number(taken) !== 1) throw new LeaseLost();
}
