import type { Redis } from 'ioredis';
import { nodesOf, readSlotMap, RoutedRedis } from './cluster-client.ts';
import { infoField } from './server-info.ts';

/** Slots have moved, or another node serves them. Our slot map is wrong by now, so the attempt ends. */
export class ClusterChanged extends Error {
  override readonly name = 'ClusterChanged';
  constructor() {
    super('the cluster changed: another map of slots than the one this work began with');
  }
}

/**
 * Returns whether a node says that another node serves a slot by now, or that it cannot serve the slot at this
 * moment.
 */
export function isRedirection(error: unknown): boolean {
  const text = error instanceof Error ? error.message : '';
  return /^(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b|access a non local key in a cluster node/.test(text);
}

/**
 * Asks every node for its slot map and compares it with the map of this connection. A node that has not learned of a
 * change yet, and so reports another map than the others, counts as a change too.
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
 * Like `assertUnchanged`, and also checks that no slot is being moved. While a slot moves, its keys are on two nodes,
 * and a scan of all nodes may miss a key that moves between them. If this check passes before and after a scan, the
 * scan has met every key that existed during the whole scan.
 *
 * @throws ClusterChanged
 */
export async function assertAtRest(redis: Redis): Promise<void> {
  await assertUnchanged(redis);
  if ((await countMovingSlots(redis)) > 0) throw new ClusterChanged();
}

/** Returns how many slots the nodes are giving away plus how many they are taking in. */
export async function countMovingSlots(redis: Redis): Promise<number> {
  if (!(redis instanceof RoutedRedis)) return 0;
  const told = await Promise.all(redis.nodes.map((node) => node.redis.call('CLUSTER', ['NODES'])));
  const mine = told.map((text) => /^.* [a-z,?]*myself.*$/m.exec(String(text))?.[0] ?? '');
  return mine.flatMap((line) => line.match(/\[\d+-[<>]-/g) ?? []).length;
}

/** Returns the run id of each server of a store. A server has a new one after each start. */
export async function runIdsOf(redis: Redis): Promise<readonly string[]> {
  const infos = await Promise.all(nodesOf(redis).map((node) => node.redis.info('server')));
  return infos.map((info) => infoField(info, 'run_id'));
}
