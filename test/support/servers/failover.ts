import type { TestCluster } from './cluster.ts';
import { eventually } from '../eventually.ts';

/** Number of the node that is the replica of node 0, in a cluster that begins with a replica. */
export const REPLICA = 3;

export async function replicationOf(cluster: TestCluster, node: number): Promise<string> {
  return String(await cluster.on(node, 'INFO', 'replication'));
}

/** Resolves when `node` serves the slots that node 0 had at first, and every living node knows that. */
export async function promoted(cluster: TestCluster, node: number): Promise<void> {
  await eventually('the promotion', async () => /role:master/.test(await replicationOf(cluster, node)));
  const id = await cluster.idOf(node);
  await eventually('every node to know', async () => {
    const maps = await Promise.all([1, 2, node].map((one) => cluster.on(one, 'CLUSTER', 'SLOTS')));
    return (maps as [number, number, [string, number, string]][][]).every((rows) =>
      rows.some(([from, , [, , master]]) => from === 0 && master === id),
    );
  });
}
