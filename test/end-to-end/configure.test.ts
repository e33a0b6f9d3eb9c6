import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Progress } from '../../domain/run/progress.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import { findTool } from '../../servers/tools.ts';
import { eventually } from '../support/eventually.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';

const run = promisify(execFile);
const world = withMigrationWorld();

/** The shipped plan with a copy that would last for minutes. */
function slowPlan(): string {
  const plan = parse(readFileSync('plans/supersmartmatch.yaml', 'utf8')) as { throttle: object };
  const path = join(world.dir.path, 'slow.yaml');
  writeFileSync(path, stringify({ ...plan, throttle: { ...plan.throttle, copyKeysPerSecond: 10 } }));
  return path;
}

async function statusOfSync(): Promise<LinkStatus | null> {
  const text = await world.admin('v2').get('jday:supersmartmatch:status:v1');
  return text === null ? null : (JSON.parse(text) as LinkStatus);
}

/** The bound in force. On a busy machine the measured impact may lower it, and this test is not about that. */
const slowed = (asked: number, share: number) =>
  share === 1 ? asked : Math.max(1, Math.floor(asked * share));

const inForce = (copyKeysPerSecond: number, newerThan = 0) =>
  eventually(`the sync to keep to ${copyKeysPerSecond} keys a second`, async () => {
    const status = await statusOfSync();
    const throttle = status?.throttle;
    if (!status || !throttle || status.token <= newerThan) return false;
    return throttle.copyKeysPerSecond === slowed(copyKeysPerSecond, throttle.share);
  });

test('L14 configure changes the bounds of a running copy, which a killed worker does not forget; what is no bound and an ended run are refused', async () => {
  const pairs = Array.from({ length: 3_000 }, (_, i) => [`match:${i}`, `{"offers":[${i}]}`]);
  await world.admin('v1').mset(...pairs.flat());
  expect((await world.jday('start', '--plan', slowPlan(), '--day', '1s')).code).toBe(0);
  await world.inPhase('copy');
  await inForce(10);

  const told = await world.jday('configure', '--copy-keys-per-second', '25', '--by', 'ada', '--json');
  expect(told.code, told.stderr).toBe(0);
  const { sync } = JSON.parse(told.stdout) as Progress;
  expect(sync.throttle.copyKeysPerSecond).toBe(slowed(25, sync.throttle.share));
  expect(sync.throttle.verifyKeysPerSecond).toBe(slowed(10_000, sync.throttle.share));
  await inForce(25);

  const { token = 0 } = (await statusOfSync()) ?? {};
  await world.killWorker();
  await world.startWorker();
  await inForce(25, token);
  const { throttle } = (await world.progress()).sync;
  expect(throttle.copyKeysPerSecond).toBe(slowed(25, throttle.share));

  const input = JSON.stringify({ copyKeysPerSecond: 0, by: 'ada' });
  const update = ['workflow', 'update', 'execute', '-w', 'jday-supersmartmatch', '--name', 'configure'];
  const temporal = (given: string) =>
    run(findTool('temporal'), [...update, '--input', given, '--address', world.temporalAddress()]);
  await expect(temporal('{"copyKeysPerSecond":"fast","by":"ada"}')).rejects.toThrow(
    /copyKeysPerSecond: expected a whole number from 0 up/,
  );
  await temporal(input);
  await eventually('the copy to be done at once', async () => (await statusOfSync())?.state === 'live');

  expect((await world.jday('abort', '--reason', 'enough')).code).toBe(0);
  await world.handle().result();
  const late = await world.jday('configure', '--id', 'supersmartmatch', '--copy-keys-per-second', '5');
  expect(late.code).toBe(3);
});
