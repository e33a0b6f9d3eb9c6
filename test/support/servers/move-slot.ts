import type { TestCluster } from './cluster.ts';

const MOVED_AT_ONCE = 10;

/**
 * Begins to move a slot and moves none of its keys. For a key that the old node lacks, it sends clients to the new one.
 *
 * @returns number of the node that still serves the slot
 */
export async function halfMove(cluster: TestCluster, slot: number): Promise<number> {
  const { on, idOf } = cluster;
  const from = await masterOf(cluster, slot);
  const to = (from + 1) % 3;
  await on(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', await idOf(from));
  await on(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', await idOf(to));
  return from;
}

/**
 * Moves a slot from the master that serves it to the next one while apps work. It sends the same commands as `redis-cli
 * --cluster reshard`.
 */
export async function moveSlot(cluster: TestCluster, slot: number): Promise<void> {
  const { nodes, on, idOf } = cluster;
  const from = await halfMove(cluster, slot);
  const to = (from + 1) % 3;
  const toId = await idOf(to);
  const port = nodes[to]?.port ?? 0;
  const login = cluster.password === undefined ? [] : ['AUTH', cluster.password];
  for (;;) {
    const keys = (await on(from, 'CLUSTER', 'GETKEYSINSLOT', slot, MOVED_AT_ONCE)) as string[];
    if (keys.length === 0) break;
    await on(from, 'MIGRATE', '127.0.0.1', port, '', 0, 5_000, ...login, 'KEYS', ...keys);
  }
  for (const node of [to, from, ...nodes.keys()]) await on(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
}

async function masterOf({ nodes, on, idOf }: TestCluster, slot: number): Promise<number> {
  const rows = (await on(0, 'CLUSTER', 'SLOTS')) as [number, number, [string, number, string]][];
  const serving = rows.find(([from, to]) => from <= slot && slot <= to)?.[2][2];
  for (const node of nodes.keys()) if ((await idOf(node)) === serving) return node;
  throw new Error('nobody serves the slot');
}
