import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTemporal, type TemporalServer } from '../../servers/temporal-server.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.ts';
import { eventually } from '../support/eventually.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { LAUNCHER } from '../support/processes/jday.ts';
import { withTempDir } from '../support/temp-dir.ts';

type Line = Readonly<Record<string, unknown>>;

const dir = withTempDir();
const said = { stdout: '', stderr: '' };
let temporal: TemporalServer;
let worker: ChildProcess;

beforeAll(async () => {
  temporal = await startTemporal({ dir: join(dir.path, 'temporal'), headless: true });
  worker = spawn(process.execPath, [LAUNCHER, 'worker', '--metrics-port', '0'], {
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: temporal.address,
      DATABASE_URL: 'redis://jday:hunter2@secret-host',
    },
    cwd: dir.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of ['stdout', 'stderr'] as const)
    worker[stream]?.on('data', (data) => (said[stream] += String(data)));
  await eventually('the worker to be ready', () => lines().some(({ msg }) => msg === 'ready'));
});

afterAll(async () => {
  if (worker.exitCode === null) {
    const gone = once(worker, 'exit');
    worker.kill('SIGKILL');
    await gone;
  }
  await temporal.stop();
});

/** Every line of the worker, as the reader of a log would parse it. */
function lines(): readonly Line[] {
  const whole = said.stdout.slice(0, said.stdout.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

it('says which activity failed and why, without what a plan or a server holds (L12)', async () => {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const ask = (plan: unknown) =>
    client.workflow
      .execute(WORKFLOW_TYPES.preflight, {
        workflowId: 'jday-preflight-log',
        taskQueue: TASK_QUEUES.control,
        args: [plan],
      })
      .catch(() => undefined);
  await ask({ ...examplePlan(), migration: 'redis://jday:hunter2@secret-host:6379' });
  await connection.close();
  const failed = await eventually('the line of the failed activity', () =>
    lines().find(({ msg }) => msg === 'Activity failed'),
  );
  expect(failed).toMatchObject({
    level: 40,
    activityType: 'preflight',
    workflowId: 'jday-preflight-log',
    attempt: 1,
    failure: { type: 'BadConfiguration' },
  });
  expect((failed as { failure: { message: string } }).failure.message).toMatch(
    /^plan\.migration: expected a name .*, found "redis:\/\/…/,
  );
  expect(said.stdout).not.toMatch(/hunter2|secret-host|node_modules/);
});

it('is lines of JSON alone, also what the native part of the SDK says while Temporal is away', async () => {
  await temporal.stop();
  const core = await eventually(
    'a line of the native part',
    () => lines().find(({ sdkComponent }) => sdkComponent === 'core'),
    { everyMs: 200 },
  );
  expect(core).toMatchObject({
    level: expect.any(Number),
    time: expect.any(Number),
    msg: expect.any(String),
  });
  expect(said.stderr).toBe('');
});
