import type { Keyspace } from '../../domain/keyspace.ts';
import { LeaseLost } from './apply-writes.ts';
import type { SidePorts } from './side-port.ts';

/**
 * Takes the fencing lease on both sides with a token greater than any before (L1). From then on a late write of
 * an earlier attempt is refused by the server itself. The lease never lapses by time: clocks decide nothing here.
 */
export async function takeLease(ports: SidePorts, keyspace: Keyspace, shard: string): Promise<number> {
  const lease = keyspace.lease(shard);
  const held = await Promise.all([ports.source.redis.get(lease), ports.target.redis.get(lease)]);
  const token = Math.max(0, ...held.map(Number)) + 1;
  // The target first: of two attempts that chose the same token one is refused there.
  for (const side of ['target', 'source'] as const) {
    const taken = await ports[side].run('raiseLease', [lease], [String(token)]);
    if (Number(taken) !== 1) throw new LeaseLost();
  }
  return token;
}
