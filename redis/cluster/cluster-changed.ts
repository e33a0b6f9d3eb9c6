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

/** A node says that a slot is another's now, with its address, or that nobody can say at this moment. */
export function isRedirection(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b|access a non local key in a cluster node/.test(text);
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

/**
 * The same, and no slot is on its way: while one is, its keys are on two nodes, and a walk of all nodes may pass by
 * between them. Asked before a walk and after it, this says that the walk has met every key that was there throughout.
 *
 * @throws ClusterChanged
 */
export async function assertAtRest(redis: Redis): Promise<void> {
  await assertUnchanged(redis);
  if ((await slotsOnTheirWay(redis)) > 0) throw new ClusterChanged();
}

/** How many slots the nodes are giving away or taking in. */
export async function slotsOnTheirWay(redis: Redis): Promise<number> {
  if (!(redis instanceof RoutedRedis)) return 0;
  const told = await Promise.all(redis.nodes.map((node) => node.redis.call('CLUSTER', ['NODES'])));
  const mine = told.map((text) => /^.* [a-z,?]*myself.*$/m.exec(String(text))?.[0] ?? '');
  return mine.flatMap((line) => line.match(/\[\d+-[<>]-/g) ?? []).length;
}
