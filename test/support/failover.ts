import type { TestCluster } from './cluster.ts';
import { eventually } from './eventually.ts';

/** The node that is a replica of node 0 when a cluster begins with one. */
export const REPLICA = 3;

export async function replicationOf(cluster: TestCluster, node: number): Promise<string> {
  return String(await cluster.on(node, 'INFO', 'replication'));
}

/** Resolves when a node serves the slots of node 0, or of its replica, and every node that lives knows it. */
export async function promoted(cluster: TestCluster, node: number): Promise<void> {
  await eventually('the promotion', async () => /role:master/.test(await replicationOf(cluster, node)), {
    withinMs: 20_000,
  });
  const id = await cluster.idOf(node);
  await eventually('every node to know', async () => {
    const maps = await Promise.all([1, 2, node].map((one) => cluster.on(one, 'CLUSTER', 'SLOTS')));
    return (maps as [number, number, [string, number, string]][][]).every((rows) =>
      rows.some(([from, , [, , master]]) => from === 0 && master === id),
    );
  });
}
