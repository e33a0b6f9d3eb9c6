import type { TestCluster } from './cluster.ts';

const MOVED_AT_ONCE = 10;

/** Moves a slot from the master that serves it to the next one while apps work, as `redis-cli --cluster reshard` does. */
export async function moveSlot(cluster: TestCluster, slot: number): Promise<void> {
  const { nodes, on, idOf } = cluster;
  const from = await masterOf(cluster, slot);
  const to = (from + 1) % 3;
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  await on(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await on(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
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
