import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { quietRuntime } from '../support/servers/quiet-runtime.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../domain/run/check.ts';
import { FAILURES } from '../../domain/run/failure.ts';
import type { Progress } from '../../domain/run/progress.ts';
import type { Report } from '../../domain/run/report.ts';
import { startTemporal, type TemporalServer } from '../../servers/temporal-server.ts';
import { progressQuery } from '../../workflows/messages.ts';
import { TASK_QUEUES } from '../../workflows/names.ts';
import { eventually } from '../support/eventually.ts';
import { type Ended, jday, jdayProcess, LAUNCHER } from '../support/processes/jday.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { FakeWorld, fakeActivities, finalFailure } from '../workflows/fake-world.ts';
import { withPlanOfRun } from '../../workers/create-workers.ts';
import { workflowBundle } from '../../workers/workflow-bundle.ts';
import { NO_METRICS } from '../workflows/serve-migrations.ts';

const dir = makeTempDir();
const worlds = new Map<string, FakeWorld>();
let server: TemporalServer;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  server = await startTemporal({ dir, headless: true, searchAttributes: true });
  connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
});

afterAll(async () => {
  await connection.close();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

function run(...args: readonly string[]): Promise<Ended> {
  return jday(args, { env: { TEMPORAL_ADDRESS: server.address, USER: 'ada' } });
}

function runProcess(...args: readonly string[]): Promise<Ended> {
  return jdayProcess(args, { env: { TEMPORAL_ADDRESS: server.address, USER: 'ada' } });
}

/** Writes the plan file of one case and prepares the world that its activities find. */
function planOf(migration: string, prepare: (world: FakeWorld) => void = () => {}): string {
  const world = new FakeWorld();
  prepare(world);
  worlds.set(migration, world);
  const file = join(dir, `${migration}.yaml`);
  const lines = [
    `migration: ${migration}`,
    'day: 60ms',
    'stores:',
    '  - { name: v1, side: source, url: "redis://jday:${V1_PASSWORD}@v1" }',
    '  - { name: v2, side: target, url: "redis://v2" }',
    'datasets:',
    '  - { name: sessions, from: v1, patterns: ["session:*"], role: sessions, joins: jday }',
    '  - { name: matches, from: v1, patterns: ["match:*"], role: cache }',
  ];
  writeFileSync(file, lines.join('\n'));
  return file;
}

/** Waits until the approval itself is asked for. While gates hold it back, the progress already names its gate. */
function waitsFor(id: string, gate: Progress['waitingFor']['gate']) {
  const handle = client.workflow.getHandle(`jday-${id}`);
  const asks = async () => {
    const { waitingFor } = await handle.query(progressQuery);
    return waitingFor.what === 'approval' && waitingFor.gate === gate;
  };
  return eventually(`${id} waits for the approval of ${gate}`, asks);
}

const RED: Check = {
  name: 'eviction',
  subject: 'v2',
  verdict: 'red',
  found: 'allkeys-lru',
  expected: 'noeviction',
  remedy: 'CONFIG SET maxmemory-policy noeviction',
};

describe('while no worker runs', () => {
  it('start hands the very plan over that jday plan --json prints, and refuses a second run', async () => {
    const plan = planOf('idle');
    const started = await run('start', '--plan', plan, '--json');
    expect(started.code).toBe(0);
    expect(JSON.parse(started.stdout)).toMatchObject({ migration: 'idle', workflowId: 'jday-idle' });

    const history = await client.workflow.getHandle('jday-idle').fetchHistory();
    const begun = history.events?.[0]?.workflowExecutionStartedEventAttributes;
    expect(begun?.workflowType?.name).toBe('migration');
    expect(begun?.taskQueue?.name).toBe('jday');
    expect(begun?.input?.payloads).toHaveLength(1);
    const input = Buffer.from(begun?.input?.payloads?.[0]?.data ?? []).toString();
    expect(input).toBe((await run('plan', '--plan', plan, '--json')).stdout.trimEnd());

    const second = await run('start', '--plan', plan);
    expect(second.code).toBe(3);
    expect(second.stderr).toBe(
      'jday-idle is running already. Legal now: progress, approve, pause, configure, abort.\n',
    );
  });

  it('progress says what Temporal knows, and that this is all (L7)', async () => {
    const { code, stdout, stderr } = await run('progress', '--json');
    expect(code).toBe(0);
    expect(stderr).toContain('no worker has taken this run up yet');
    const progress = JSON.parse(stdout) as Progress;
    expect(progress).toMatchObject({ migration: 'idle', integrity: null, outcome: null });
    expect(progress.rollback.lossless).toBe(false);
  });

  it('approve says that nobody is there to hear it', async () => {
    const { code, stderr } = await run('approve', '--id', 'idle');
    const why = 'no worker has taken this run up yet. Start one (jday worker), then ask again.\n';
    expect([code, stderr]).toEqual([1, why]);
  });

  it('abort of a terminated run says that nothing was undone', async () => {
    await client.workflow.getHandle('jday-idle').terminate();
    const { code, stderr } = await run('abort', '--id', 'jday-idle', '--reason', 'x');
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^jday-idle was terminated at \S+, so nothing was undone\. Legal now: report, start\.\n$/,
    );
  });

  it('a migration that never was is refused with what is legal', async () => {
    const { code, stderr } = await run('abort', '--id', 'ghost', '--reason', 'x');
    expect([code, stderr]).toEqual([3, 'There is no run jday-ghost. Legal now: start.\n']);
  });
});

describe('with a worker', () => {
  let stop = async () => {};

  beforeAll(async () => {
    quietRuntime();
    const native = await NativeConnection.connect({ address: server.address });
    const activities = fakeActivities((name) => worlds.get(name) ?? new FakeWorld());
    const shared = {
      connection: native,
      activities,
      interceptors: { activity: [withPlanOfRun(client)] },
      maxHeartbeatThrottleInterval: 50,
    };
    const workers = [
      await Worker.create({
        ...shared,
        taskQueue: TASK_QUEUES.control,
        workflowBundle: await workflowBundle(),
        sinks: NO_METRICS,
      }),
      await Worker.create({ ...shared, taskQueue: TASK_QUEUES.sync }),
    ];
    const running = Promise.all(workers.map((worker) => worker.run()));
    stop = async () => {
      for (const worker of workers) worker.shutdown();
      await running;
      await native.close();
    };
  });
  afterAll(() => stop());

  it('start --wait --json ends with the report as its last line', async () => {
    const { code, stdout, stderr } = await run(
      'start',
      '--plan',
      planOf('whole'),
      '--auto-approve',
      '--wait',
      '--json',
    );
    expect(stderr).toContain('authority V1');
    expect(code).toBe(0);
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
    expect(report).toMatchObject({ outcome: 'completed', authority: 'target', sessions: { lost: 0 } });
    expect(report.phases.length).toBeGreaterThan(5);

    const told = await run('report', '--id', 'whole');
    expect(told.code).toBe(0);
    expect(told.stdout).toMatch(/^whole: completed/);
  });

  it('waive lets a gate pass that nobody can measure, and says so in progress and report; a measured one is refused', async () => {
    const noise = { impact: { percent: 133, low: -20, high: 233 } };
    await run(
      'start',
      '--plan',
      planOf('noisy', (world) => (world.seen = noise)),
      '--auto-approve',
    );
    const handle = client.workflow.getHandle('jday-noisy');
    const held = async () => (await handle.query(progressQuery)).waitingFor.what === 'gates';
    await eventually('a gate holds it', held);
    const seen = await run('progress', '--id', 'noisy');
    expect(seen.stdout).toContain(' · impact not measurable here (−20 to 233 %) · ');
    expect(seen.stdout).toContain(
      '  gate impact unknown: limit 5 (not measurable here (−20 to 233 %): the interval holds the limit of 5 %; if that is all right here: jday waive impact --reason "…")',
    );
    const measured = await run('waive', 'sessions', '--id', 'noisy', '--reason', 'nobody there');
    expect(measured.code).toBe(3);
    expect(measured.stderr).toContain('Legal now: waive impact, pause');
    expect((await run('waive', 'impact', '--id', 'noisy', '--reason', 'shared cores')).code).toBe(0);
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    const { stdout } = await run('report', '--id', 'noisy');
    expect(stdout).toContain('  waived      gate impact by ada: shared cores');
  });

  it('approve without a gate approves what is waited for, and a wrong gate is refused with what is legal', async () => {
    await run('start', '--plan', planOf('asks'));
    await waitsFor('asks', 'readiness');
    const wrong = await run('approve', 'complete', '--id', 'asks');
    expect(wrong.code).toBe(3);
    expect(wrong.stderr).toContain('Legal now: approve readiness');
    expect((await run('report', '--id', 'asks')).code).toBe(3);

    const right = await run('approve', '--id', 'asks', '--reason', 'rehearsed well');
    expect(right.code).toBe(0);
    await waitsFor('asks', 'cutover');

    const aborted = await run('abort', '--id', 'asks', '--reason', 'enough', '--wait', '--json');
    expect(aborted.code).toBe(5);
    const report = JSON.parse(aborted.stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
    expect(report).toMatchObject({ outcome: 'aborted', authority: 'source' });
    expect(report.approvals[0]).toMatchObject({ gate: 'readiness', by: 'ada', reason: 'rehearsed well' });

    const again = await run('abort', '--id', 'asks', '--reason', 'enough');
    expect(again.code).toBe(3);
    expect(again.stderr).toMatch(
      /^jday-asks has ended at \S+: aborted \(.*enough.*\)\. Legal now: report, start\.\n$/,
    );
  });

  it('a red check stops the start with its remedy', async () => {
    const plan = planOf('red', (world) => (world.checks = [{ ...RED, verdict: 'green' }, RED]));
    const line =
      'red eviction (v2): expected noeviction, found allkeys-lru. Remedy: CONFIG SET maxmemory-policy noeviction';
    // Run as a process, because it has to end by itself, with its connection to Temporal closed.
    const started = await runProcess('start', '--plan', plan, '--wait', '--json');
    expect(started.code).toBe(4);
    expect(started.stderr).toContain(line);
    expect(JSON.parse(started.stdout.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      failure: 'PreflightRed',
    });

    const checked = await run('preflight', '--plan', plan);
    expect(checked.code).toBe(4);
    expect(checked.stdout).toBe(`${line}\n2 checks: 1 green, 0 alert, 1 red\n`);
  });

  it('progress of a start that failed says so, and who serves is not known by it; watched, it ends (L7)', async () => {
    const plan = planOf('failed', (world) => (world.checks = [RED]));
    expect((await run('start', '--plan', plan, '--wait')).code).toBe(4);
    for (const more of [[], ['--watch']]) {
      const { code, stdout, stderr } = await run('progress', '--id', 'failed', ...more);
      expect(code).toBe(0);
      // The lines are the answer of this verb, also watched: a program that reads stdout gets them.
      expect(stdout).toMatch(/ ended · authority unknown · .*/);
      expect(stdout + stderr).toMatch(/has ended at \S+: failed/);
    }
  });

  it('a reader who wants one line of a watched progress gets it, and the verb ends without a word', async () => {
    await run('start', '--plan', planOf('glanced'));
    await waitsFor('glanced', 'readiness');
    const command = `"${process.execPath}" "${LAUNCHER}" progress --id glanced --watch --json | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], {
      env: { ...process.env, TEMPORAL_ADDRESS: server.address },
    });
    const [line = '', code, ...more] = stdout.trimEnd().split('\n');
    expect(JSON.parse(line)).toMatchObject({ migration: 'glanced' });
    expect([code, more, stderr]).toEqual(['141', [], '']);
    await run('abort', '--id', 'glanced', '--reason', 'enough', '--wait');
  });

  it('a decision on a link that the plan does not have is refused, and nothing is done', async () => {
    await run('start', '--plan', planOf('linkless'));
    await waitsFor('linkless', 'readiness');
    const { code, stderr } = await run('resume', '--id', 'linkless', '--accept', 'restore', '--link', 'nix');
    expect(code).toBe(3);
    expect(stderr).toContain('the plan has no link "nix": say v1');
    expect(worlds.get('linkless')?.calls.filter((call) => call.startsWith('decide'))).toEqual([]);
    await run('abort', '--id', 'linkless', '--reason', 'enough', '--wait');
  });

  it('a verb that names no migration takes no guess while several run', async () => {
    await run('start', '--plan', planOf('one-of-two'));
    await run('start', '--plan', planOf('two-of-two'));
    await waitsFor('one-of-two', 'readiness');
    await waitsFor('two-of-two', 'readiness');
    const { code, stderr } = await run('abort', '--reason', 'which?');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Several migrations run, say which: --id jday-\S+( or --id jday-\S+)+\.\n$/);
    for (const id of ['one-of-two', 'two-of-two'])
      await run('abort', '--id', id, '--reason', 'enough', '--wait');
  });

  it('preflight without a red check ends with 0', async () => {
    const plan = planOf('green', (world) => (world.checks = [{ ...RED, verdict: 'alert' }]));
    const { code, stdout } = await run('preflight', '--plan', plan, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ checks: [{ ...RED, verdict: 'alert' }] });
  });

  it('a plan that the worker cannot carry out is an error of the plan', async () => {
    const unusable = finalFailure(
      FAILURES.BadConfiguration,
      'plan.gates.holdMs: expected a whole number of ms',
    );
    const plan = planOf('unusable', (world) => world.fail('preflight', unusable));
    const { code, stderr } = await run('start', '--plan', plan, '--wait');
    expect([code, stderr.trimEnd().split('\n').at(-1)]).toEqual([
      2,
      'BadConfiguration: preflight: plan.gates.holdMs: expected a whole number of ms',
    ]);
  });

  it('stores of another migration refuse the start', async () => {
    const claimed = finalFailure(FAILURES.StoresClaimed, 'v1 belongs to migration other');
    const plan = planOf('second', (world) => world.fail('claim', claimed));
    const { code, stderr } = await run('start', '--plan', plan, '--wait');
    expect(code).toBe(3);
    expect(stderr).toContain('v1 belongs to migration other');
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
