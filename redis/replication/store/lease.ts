import type { Redis } from 'ioredis';
import type { Keyspace } from '../../../domain/keys/keyspace.ts';
import { tagged } from '../../../domain/keys/slot.ts';
import { RoutedRedis } from '../../client/cluster-client.ts';
import { tagsTold } from '../../state/authority.ts';
import { LeaseLost } from './failure-kinds.ts';
import type { SidePort, SidePorts } from './store-port.ts';
import { FAILURES } from '../../../domain/run/failure.ts';
import type { Link } from '../../../domain/plan/plan.ts';

/**
 * Takes the fencing lease on both sides, with a token greater than any before. From then on the servers themselves
 * refuse a late write of an earlier attempt. The lease never expires by time, so no clock decides who may write.
 *
 * On a cluster each node has a lease of its own, because a script can only compare with a key on its own node. The key
 * has a tag of a slot that the node serves. An attempt records its tags before it takes its token. So a later attempt
 * finds every lease that an earlier one could still compare with, and raises it, even when its slot has moved to
 * another node.
 *
 * @returns the token
 * @throws LeaseLost when another attempt has taken the same token or a greater one at this moment
 */
export async function takeLease(ports: SidePorts, keyspace: Keyspace, shard: string): Promise<number> {
  const lease = keyspace.lease(shard);
  for (const side of ['target', 'source'] as const) await tellTags(ports[side], keyspace.tags(shard));
  const held = await Promise.all([
    heldOn(ports.source, keyspace, shard),
    heldOn(ports.target, keyspace, shard),
  ]);
  const token = Math.max(0, ...held.flat()) + 1;
  // The order is target, then source. When two attempts chose the same token, the target refuses one of them.
  for (const side of ['target', 'source'] as const) await raise(ports[side], lease, token);
  for (const side of ['target', 'source'] as const)
    for (const key of (await leasesOf(ports[side], keyspace, shard)).slice(1))
      await raise(ports[side], key, token);
  return token;
}

/** Returns true when an attempt has taken the lease and the lease key still exists. */
export async function isLeased(ports: SidePorts, keyspace: Keyspace, shard: string): Promise<boolean> {
  const lease = keyspace.lease(shard);
  const held = await Promise.all([ports.source, ports.target].map(({ redis }) => redis.get(lease)));
  return held.some((token) => token !== null);
}

async function tellTags({ redis }: SidePort, known: string): Promise<void> {
  if (redis instanceof RoutedRedis) await redis.sadd(known, ...redis.nodes.map(({ tag }) => tag));
}

async function heldOn(port: SidePort, keyspace: Keyspace, shard: string): Promise<readonly number[]> {
  const keys = await leasesOf(port, keyspace, shard);
  return (await Promise.all(keys.map((key) => port.redis.get(key)))).map(Number);
}

/** The keys of a shard's lease on one side: first the lease of the whole side, then the leases of the nodes. */
async function leasesOf({ redis }: SidePort, keyspace: Keyspace, shard: string): Promise<readonly string[]> {
  const tags = await tagsTold(redis, keyspace, shard);
  return ['', ...tags].map((tag) => tagged(keyspace.lease(shard), tag));
}

async function raise(port: SidePort, lease: string, token: number): Promise<void> {
  const taken = await port.run('raiseLease', [lease], [String(token)]);
  if (Number(taken) !== 1) throw new LeaseLost();
}

type Argument = string | Buffer;

/**
 * Writes a record of ours: a command, its key, and at most 4 000 arguments.
 *
 * @throws LeaseLost
 */
export type FencedWrite = (command: string, key: string, ...args: readonly Argument[]) => Promise<void>;

/**
 * Makes the function that writes our own records, only while the lease is ours. The records say what the newest attempt
 * knows. An earlier attempt that wakes up must not replace them with older knowledge.
 */
export function fencedWriter(port: SidePort, lease: string, token: number): FencedWrite {
  return async (command, key, ...args) => {
    const { run, tag } = port.nodeOf(key);
    const bytes = args.map((arg) => (typeof arg === 'string' ? Buffer.from(arg) : arg));
    if (Number(await run('guarded', [tagged(lease, tag), key], [String(token), command, ...bytes])) !== 1)
      throw new LeaseLost();
  };
}

/** Another number of shards has written the ledger of this link. Nothing was changed. */
class ShardCountChanged extends Error {
  override readonly name = FAILURES.BadConfiguration;
  constructor(link: string, held: number, asked: number) {
    super(
      `the ledger of ${link} belongs to ${held} shard(s), the plan says ${asked}: write \`shards: ${held}\` into the plan`,
    );
  }
}

/**
 * Fixes the number of shards with the first sync of a link. With another number a key could belong to another shard,
 * and so to another lease. An attempt of the old shard would then not be fenced out. The order of ledger entries would
 * be lost too, because the tokens of two leases cannot be compared.
 *
 * @throws ShardCountChanged
 */
export async function holdShardCount(target: Redis, keyspace: Keyspace, link: Link): Promise<void> {
  await target.set(keyspace.shards(link.name), String(link.shards), 'NX');
  await checkShardCount(target, keyspace, link);
}

/**
 * Compares the number of shards with the plan, without writing: for the check before a migration begins.
 *
 * @throws ShardCountChanged
 */
export async function checkShardCount(target: Redis, keyspace: Keyspace, link: Link): Promise<void> {
  const held = Number((await target.get(keyspace.shards(link.name))) ?? link.shards);
  if (held !== link.shards) throw new ShardCountChanged(link.name, held, link.shards);
}
