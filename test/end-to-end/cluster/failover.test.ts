import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TestCluster } from '../../support/servers/cluster.ts';
import { writeClusterPlan } from '../../support/worlds/cluster-plan.ts';
import { promoted, REPLICA } from '../../support/servers/failover.ts';
import { documentOn, startFollowingApp } from '../../support/processes/following-app.ts';
import { PASSWORD } from '../../support/servers/migration-users.ts';
import { withMigrationWorld } from '../../support/worlds/migration-world.ts';

const world = withMigrationWorld({ clusters: ['v1', 'v2'], replicas: true });

const takeOver = async (cluster: TestCluster, node: number) => {
  await cluster.on(node, 'CLUSTER', 'FAILOVER');
  await promoted(cluster, node);
};

test('replicas take over on both sides once data is copied and while V2 serves: completed, V1 stays fenced, no acknowledged write lost (L1, L2, L8)', async () => {
  const [v1, v2] = [world.cluster('v1'), world.cluster('v2')];
  for (let i = 0; i < 300; i++) await v1.client.set(`match:${i}`, `{"offers":[${i}]}`);
  for (let i = 0; i < 50; i++) await v1.client.hset(`session:${i}`, { user_id: String(i) });
  const login = { user: 'app', password: PASSWORD };
  const source = v1.clientOf(login);
  const app = startFollowingApp({ source, target: v2.clientOf(login) });
  const plan = writeClusterPlan(join(world.dir.path, 'plan.yaml'), ['v1', 'v2']);
  const start = await world.jday('start', '--plan', plan, '--day', '2s', '--auto-approve');
  expect(start.code, start.stderr + start.stdout).toBe(0);
  await world.past('copy');
  for (const cluster of [v1, v2]) await takeOver(cluster, REPLICA);
  await world.inPhase('watch');
  await takeOver(v1, 0);
  for (let i = 0; i < 30; i++) await expect(source.set(`match:late:${i}`, 'x')).rejects.toThrow(/NOPERM/);
  await takeOver(v2, 0);
  expect(await world.handle().result()).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    // Fifty, and that of the app itself.
    sessions: { live: 51, lost: 0 },
    integrity: 100,
  });
  await app.stop();
  for (const [key, n] of app.acknowledged) expect(await v2.client.get(key)).toBe(documentOn('target', n));
  for (let i = 0; i < 300; i++) expect(await v2.client.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
  for (let i = 0; i < 30; i++) await expect(source.set(`match:late:${i}`, 'x')).rejects.toThrow(/NOPERM/);
});
