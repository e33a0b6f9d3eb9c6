import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Report } from '../../../domain/run/report.ts';
import { usersOfNodes } from '../../support/servers/acl-users.ts';
import { writeClusterPlan } from '../../support/worlds/cluster-plan.ts';
import { PASSWORD } from '../../support/servers/migration-users.ts';
import { withMigrationWorld } from '../../support/worlds/migration-world.ts';

const world = withMigrationWorld({ clusters: ['v2'] });

test('an abort before the flip leaves every node of V2 as it was, and its apps’ writes are at home on V1 (L6, L9)', async () => {
  const [v1, v2] = [world.admin('v1'), world.cluster('v2')];
  for (let i = 0; i < 300; i++) await v1.set(`match:${i}`, `{"offers":[${i}]}`);
  for (let i = 0; i < 20; i++) await v2.client.set(`match:${i}`, `{"jobs":["of V2 ${i}"]}`, 'PX', 5_000_000);
  await v2.client.set('match:only-v2', 'kept');
  const rules = () => usersOfNodes(v2);
  const before = { rules: await rules(), expiry: await v2.client.pexpiretime('match:5') };
  const plan = writeClusterPlan(join(world.dir.path, 'plan.yaml'), ['v2']);
  const start = await world.jday('start', '--plan', plan, '--day', '1h', '--auto-approve');
  expect(start.code, start.stderr + start.stdout).toBe(0);
  await world.inPhase('sync');
  expect(await v2.client.get('match:5')).toBe('{"jobs":[5]}');
  const app = v2.clientOf({ user: 'app', password: PASSWORD });
  for (let i = 0; i < 9; i++) await app.set(`match:canary:${i}`, `{"jobs":["canary ${i}"]}`);

  const abort = await world.jday('abort', '--id', 'supersmartmatch', '--reason', 'seen enough', '--wait');
  expect(abort.code).toBe(5);
  const report = (await world.handle().result()) as Report;
  expect(report).toMatchObject({ outcome: 'aborted', authority: 'source' });
  expect(report.undone.filter(({ problem }) => problem !== null)).toEqual([]);
  await world.app('v1').set('match:after', 'V1 serves');
  const native = Array.from({ length: 20 }, (_key, i) => `match:${i}`);
  const canaries = Array.from({ length: 9 }, (_key, i) => `match:canary:${i}`);
  const left = (await v2.onAll('KEYS', '*')).flat().sort();
  expect(left).toEqual(['jday:authority', 'match:only-v2', ...native, ...canaries].sort());
  for (let i = 0; i < 20; i++) expect(await v2.client.get(`match:${i}`)).toBe(`{"jobs":["of V2 ${i}"]}`);
  expect(await v2.client.pexpiretime('match:5')).toBe(before.expiry);
  for (let i = 0; i < 9; i++) expect(await v1.get(`match:canary:${i}`)).toBe(`{"offers":["canary ${i}"]}`);
  expect(await v1.keys('jday:*')).toEqual(['jday:authority']);
  expect(await rules()).toEqual(before.rules);
  await app.set('match:canary:0', 'V2 is open to its apps');
});
