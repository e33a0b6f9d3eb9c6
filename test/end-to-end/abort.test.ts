import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findTool } from '../../servers/tools.ts';
import { usersOf } from '../support/servers/acl-users.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';

const world = withMigrationWorld();

const temporal = (...args: readonly string[]): string =>
  execFileSync(findTool('temporal'), [...args, '--address', world.temporalAddress()], { encoding: 'utf8' });

test('with the Temporal CLI alone: start, progress, abort by a plain string; V2 is as it was (L6, L9)', async () => {
  const [v1, v2] = [world.admin('v1'), world.admin('v2')];
  for (let i = 0; i < 300; i++) await v1.set(`match:${i}`, `{"offers":[${i}]}`);
  await v2.set('match:5', '{"jobs":["of V2"]}', 'PXAT', Date.now() + 5_000_000);
  await v2.set('match:only-v2', 'kept');
  const before = {
    rules: [await usersOf(v1), await usersOf(v2)],
    expiry: await v2.pexpiretime('match:5'),
  };

  const plan = await world.jday('plan', '--plan', 'plans/supersmartmatch.yaml', '--day', '1h', '--json');
  const file = join(world.dir.path, 'plan.json');
  writeFileSync(file, plan.stdout);
  temporal(
    'workflow',
    'start',
    '--task-queue',
    'jday',
    '--type',
    'migration',
    '--workflow-id',
    'jday-supersmartmatch',
    '--input-file',
    file,
  );
  await world.inPhase('sync');
  const asked = temporal('workflow', 'query', '--workflow-id', 'jday-supersmartmatch', '--type', 'progress');
  expect(asked).toMatch(/supersmartmatch/);
  expect(await v2.get('match:7')).toBe('{"jobs":[7]}');
  expect(await v2.get('match:5')).toBe('{"jobs":[5]}');
  await world.app('v2').set('match:canary', '{"jobs":["canary"]}');

  temporal(
    'workflow',
    'signal',
    '--workflow-id',
    'jday-supersmartmatch',
    '--name',
    'abort',
    '--input',
    '"seen enough"',
  );
  const result = (await world.handle().result()) as { outcome: string; reason: string; authority: string };
  expect(result).toMatchObject({
    outcome: 'aborted',
    authority: 'source',
    reason: expect.stringContaining('seen enough'),
  });
  await world.app('v1').set('match:after', 'V1 serves');
  expect((await v2.keys('*')).sort()).toEqual(['jday:authority', 'match:5', 'match:canary', 'match:only-v2']);
  expect(await v2.get('match:5')).toBe('{"jobs":["of V2"]}');
  expect(await v2.pexpiretime('match:5')).toBe(before.expiry);
  expect(await v1.get('match:canary')).toBe('{"offers":["canary"]}');
  expect(await v1.keys('jday:*')).toEqual(['jday:authority']);
  expect([await usersOf(v1), await usersOf(v2)]).toEqual(before.rules);

  const second = await world.jday('abort', '--id', 'supersmartmatch', '--reason', 'again');
  expect(second.code).toBe(3);
});
