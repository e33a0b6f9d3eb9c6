import type { Redis } from 'ioredis';
import { RoutedRedis } from './routed-redis.ts';
import { readSlotMap } from './slot-map.ts';

/** Slots have moved, or another node serves them: what is known of the cluster ends, and the attempt with it (L8). */
export class ClusterChanged extends Error {
  override readonly name = 'ClusterChanged';
  constructor() {
    super('the cluster changed: another map of slots than the one this work began with');
  }
}

/**
 * Asks every node for its map of slots: one that does not know yet what another says is a change too.
 *
 * @throws ClusterChanged
 */
export async function assertUnchanged(redis: Redis): Promise<void> {
  if (!(redis instanceof RoutedRedis)) return;
  const { map, nodes } = redis;
  const seen = await Promise.all(nodes.map((node) => readSlotMap(node.redis, '')));
  if (seen.some(({ text }) => text !== map.text)) throw new ClusterChanged();
}
