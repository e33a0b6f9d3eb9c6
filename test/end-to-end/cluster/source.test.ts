import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeClusterPlan } from '../../support/worlds/cluster-plan.ts';
import { eventually } from '../../support/eventually.ts';
import { documentOn, startFollowingApp } from '../../support/processes/following-app.ts';
import { PASSWORD } from '../../support/servers/migration-users.ts';
import { withMigrationWorld } from '../../support/worlds/migration-world.ts';

const world = withMigrationWorld({ clusters: ['v1'] });

test('from a cluster to one server: completed, every node of V1 is fenced, no acknowledged write lost (L1, L2)', async () => {
  const [v1, v2] = [world.cluster('v1'), world.admin('v2')];
  for (let i = 0; i < 300; i++) await v1.client.set(`match:${i}`, `{"offers":[${i}]}`);
  for (let i = 0; i < 50; i++) await v1.client.hset(`session:${i}`, { user_id: String(i) });
  const source = v1.clientOf({ user: 'app', password: PASSWORD });
  const app = startFollowingApp({ source, target: world.app('v2') });
  const plan = writeClusterPlan(join(world.dir.path, 'plan.yaml'), ['v1']);
  const run = await world.jday('start', '--plan', plan, '--day', '1s', '--auto-approve', '--wait');
  expect(run.code, run.stderr + run.stdout).toBe(0);
  await eventually('writes on V2', () => app.counts.target > 100);
  await app.stop();
  expect(await world.handle().result()).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    // Fifty, and that of the app itself.
    sessions: { live: 51, lost: 0 },
    integrity: 100,
  });
  for (const [key, n] of app.acknowledged) expect(await v2.get(key)).toBe(documentOn('target', n));
  for (let i = 0; i < 300; i++) expect(await v2.get(`match:${i}`)).toBe(`{"jobs":[${i}]}`);
  for (let i = 0; i < 9; i++) await expect(source.set(`match:late:${i}`, 'x')).rejects.toThrow(/NOPERM/);
});
