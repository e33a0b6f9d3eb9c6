import { join } from 'node:path';
import { expect, test } from 'vitest';
import { usersOfNodes } from '../../support/servers/acl-users.ts';
import { writeClusterPlan } from '../../support/worlds/cluster-plan.ts';
import { eventually } from '../../support/eventually.ts';
import { documentOn, startFollowingApp } from '../../support/processes/following-app.ts';
import { PASSWORD } from '../../support/servers/migration-users.ts';
import { withMigrationWorld } from '../../support/worlds/migration-world.ts';

const world = withMigrationWorld({ clusters: ['v1', 'v2'] });

test('between clusters, an abort after the flip is lossless: V1 serves on every node, V2 is fenced on every node (L1, L2)', async () => {
  const [v1, v2] = [world.cluster('v1'), world.cluster('v2')];
  for (let i = 0; i < 300; i++) await v1.client.set(`match:${i}`, `{"offers":[${i}]}`);
  const rules = await usersOfNodes(v1);
  const login = { user: 'app', password: PASSWORD };
  const apps = { source: v1.clientOf(login), target: v2.clientOf(login) };
  const app = startFollowingApp(apps);
  const plan = writeClusterPlan(join(world.dir.path, 'plan.yaml'), ['v1', 'v2']);
  const start = await world.jday('start', '--plan', plan, '--day', '1s', '--auto-approve');
  expect(start.code, start.stderr + start.stdout).toBe(0);
  await world.inPhase('watch');
  await eventually('writes on V2', () => app.counts.target > 200);
  for (const denied of await v1.onAll('ACL', 'DRYRUN', 'app', 'SET', 'match:1', 'x'))
    expect(denied).toMatch(/no permissions/);
  const abort = await world.jday('abort', '--id', 'supersmartmatch', '--reason', 'back', '--wait');
  expect(abort.code).toBe(5);
  await app.stop();
  expect(await world.handle().result()).toMatchObject({ outcome: 'rolled-back', authority: 'source' });
  for (const [key, n] of app.acknowledged) expect(await v1.client.get(key)).toBe(documentOn('source', n));
  expect(await usersOfNodes(v1)).toEqual(rules);
  for (let i = 0; i < 9; i++) {
    await apps.source.set(`match:open:${i}`, 'V1 serves');
    await expect(apps.target.set(`match:late:${i}`, 'x')).rejects.toThrow(/NOPERM/);
  }
});
