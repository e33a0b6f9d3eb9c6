import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Report } from '../../../domain/run/report.ts';
import { writeClusterPlan } from '../../support/worlds/cluster-plan.ts';
import { eventually } from '../../support/eventually.ts';
import { documentOn, startFollowingApp } from '../../support/processes/following-app.ts';
import { PASSWORD } from '../../support/servers/migration-users.ts';
import { withMigrationWorld } from '../../support/worlds/migration-world.ts';

const world = withMigrationWorld({ clusters: ['v2'] });
const AT = Date.now() + 3_600_123;

async function fill(): Promise<void> {
  const v1 = world.admin('v1');
  for (let i = 0; i < 500; i++) await v1.set(`match:${i}`, `{"offers":[${i}],"x":1.0}`, 'PXAT', AT + i);
  for (let i = 0; i < 100; i++) await v1.hset(`session:${i}`, { user_id: String(i), offers: '[1]' });
  await v1.zadd('metrics:cpu', 1.5, 'a', 2, 'b');
  await world.admin('nexten').set('embedding:1', Buffer.from([0x80, 0x04, 0, 255]));
  await world.cluster('v2').client.set('v2:own', 'of V2');
}

test('from one server to a cluster of three masters, apps at work all the time: completed, no acknowledged write lost (L2, L4, L10)', async () => {
  await fill();
  const v2 = world.cluster('v2');
  const app = startFollowingApp({
    source: world.app('v1'),
    target: v2.clientOf({ user: 'app', password: PASSWORD }),
  });
  const plan = writeClusterPlan(join(world.dir.path, 'plan.yaml'), ['v2']);
  const run = await world.jday('start', '--plan', plan, '--day', '1s', '--auto-approve', '--wait', '--json');
  expect(run.code, run.stderr + run.stdout).toBe(0);
  await eventually('writes on V2', () => app.counts.target > 100);
  await app.stop();
  const report = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as Report;
  expect(report).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    sessions: { lost: 0 },
    integrity: 100,
    undone: [],
  });
  for (const [key, n] of app.acknowledged) expect(await v2.client.get(key)).toBe(documentOn('target', n));
  for (let i = 0; i < 500; i++) {
    expect(await v2.client.get(`match:${i}`)).toBe(`{"jobs":[${i}],"x":1.0}`);
    expect(await v2.client.pexpiretime(`match:${i}`)).toBe(AT + i);
  }
  for (let i = 0; i < 100; i++)
    expect(await v2.client.hgetall(`session:${i}`)).toEqual({ user_id: String(i), jobs: '[1]' });
  expect(await v2.client.zrange('metrics:v1:cpu', '0', '-1', 'WITHSCORES')).toEqual(['a', '1.5', 'b', '2']);
  expect(await v2.client.getBuffer('embedding:1')).toEqual(Buffer.from([0x80, 0x04, 0, 255]));
  expect(await v2.client.get('v2:own')).toBe('of V2');
  await expect(world.app('v1').set('match:late', 'x')).rejects.toThrow(/NOPERM/);
  const left = (await Promise.all([0, 1, 2].map((node) => v2.on(node, 'KEYS', 'jday:*')))).flat();
  expect(left).toEqual(['jday:authority']);
});

test('the backup has an RDB of each master, proven, and says which slots it holds (L10)', () => {
  const backups = join(world.dir.path, 'backups');
  const folder =
    readdirSync(backups)
      .filter((name) => !name.endsWith('.jsonl'))
      .sort()
      .at(-1) ?? '';
  const manifest = JSON.parse(readFileSync(join(backups, folder, 'manifest.json'), 'utf8')) as {
    proven: boolean;
    stores: { name: string; rdb: string; keys: number; node?: { id: string; slots: string } }[];
  };
  expect(manifest.proven).toBe(true);
  const nodes = manifest.stores.filter(({ name }) => name === 'v2');
  expect(nodes.map(({ rdb }) => rdb)).toEqual(['v2-1.rdb', 'v2-2.rdb', 'v2-3.rdb']);
  expect(nodes.map(({ node }) => node?.slots)).toEqual(['0-5460', '5461-10921', '10922-16383']);
  expect(nodes.every(({ keys }) => keys > 100)).toBe(true);
});
