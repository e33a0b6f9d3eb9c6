import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../domain/run/check.ts';
import { FAILURES } from '../../domain/run/failure.ts';
import { PHASES } from '../../domain/plan/plan.ts';
import * as workflows from '../../workflows/index.ts';
import { abortSignal } from '../../workflows/messages.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { eventually } from '../support/eventually.ts';
import { finalFailure } from './fake-world.ts';
import { STAYS_IN } from './stories.ts';
import { type Handle, progress, until, withMigrations } from './with-migrations.ts';

const migrations = withMigrations();

const RED: Check = {
  name: 'same-database',
  subject: 'v2',
  verdict: 'red',
  found: 'v1 and v2 are one database',
  expected: 'two databases',
  remedy: 'give TARGET_V2 another database number',
};

async function historyOf(handle: Handle): Promise<string> {
  const json = historyToJSON(await handle.fetchHistory());
  // Payloads are in base64 here. Decoded, they are what a person reads in Temporal's UI.
  return json.replace(/"data": "([^"]*)"/g, (_, data: string) => Buffer.from(data, 'base64').toString());
}

test('a migration goes through every phase in order and ends completed, V2 serving', async () => {
  const { handle, world } = await migrations.start();
  const report = await handle.result();
  expect(report).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    epoch: 2,
    reason: null,
    undone: [],
  });
  expect(report.phases.map((phase) => phase.phase)).toEqual(PHASES);
  expect(report.backups.map((backup) => backup.id)).toEqual(['j-7', 'j-day']);
  expect(report).toMatchObject({ cutover: { to: 'target', attempts: 1 }, rollback: null, cleared: null });
  expect(world.calls.filter((call) => !/^(sync|verify |measure)/.test(call))).toEqual([
    'preflight',
    'claim',
    'backup j-7',
    'copyFiles',
    'rehearseSwitch',
    'joinSessions',
    'backup j-day',
    'cutover',
    'verifyAll',
    'dropRecords',
    'release',
  ]);
  expect(world.calls.indexOf('sync nexten')).toBeGreaterThan(world.calls.indexOf('copyFiles'));
  for (const link of ['v1', 'nexten']) {
    expect(world.calls.indexOf(`sync ${link} stopped`)).toBeGreaterThan(world.calls.indexOf('verifyAll'));
    expect(world.calls.indexOf(`sync ${link} stopped`)).toBeLessThan(world.calls.indexOf('dropRecords'));
  }
});

describe.concurrent('a start', () => {
  test('with a red check fails as PreflightRed with the checks, and changes nothing', async () => {
    const { handle, world } = await migrations.start({}, (fake) => (fake.checks = [RED]));
    const failure = await handle.result().catch((error: unknown) => error);
    if (!(failure instanceof WorkflowFailedError) || !(failure.cause instanceof ApplicationFailure))
      throw failure;
    expect(failure.cause).toMatchObject({
      type: FAILURES.PreflightRed,
      message: 'preflight is red: same-database (v2)',
    });
    expect(failure.cause.details).toEqual([[RED]]);
    expect(world.calls).toEqual(['preflight']);
  });

  test('whose stores another migration holds fails, and gives free what it took', async () => {
    const { handle, world } = await migrations.start({}, (fake) =>
      fake.fail('claim', finalFailure(FAILURES.StoresClaimed, 'v2 is held by "spring"')),
    );
    const failure = await handle.result().catch((error: unknown) => error);
    if (!(failure instanceof WorkflowFailedError)) throw failure;
    expect(failure.cause).toMatchObject({
      type: FAILURES.StoresClaimed,
      message: 'claim: v2 is held by "spring"',
    });
    expect(world.calls).toEqual(['preflight', 'claim', 'release']);
  });

  test('with checks worth a look goes on and reports them', async () => {
    const alert: Check = { ...RED, verdict: 'alert' };
    const { handle } = await migrations.start({}, (fake) => {
      fake.checks = [alert];
      fake.when('backup', () => void handle.signal(abortSignal));
    });
    expect((await handle.result()).preflight.warnings).toEqual([alert]);
  });

  test('of a migration that runs already is refused by the server', async () => {
    const { handle, plan } = await migrations.start(STAYS_IN.sync.change);
    const again = migrations.client.workflow.start(WORKFLOW_TYPES.migration, {
      workflowId: handle.workflowId,
      taskQueue: TASK_QUEUES.control,
      args: [plan],
      workflowIdConflictPolicy: 'FAIL',
    });
    await expect(again).rejects.toThrow(WorkflowExecutionAlreadyStartedError);
    await handle.signal(abortSignal);
    await handle.result();
  });

  test('of a plan that begins on a later day waits for that day before it touches anything', async () => {
    const { handle, world } = await migrations.start({ jDay: { inDays: 100_000 } });
    await until(handle, 'waits', ({ waitingFor }) => waitingFor.what === 'time');
    expect((await progress(handle)).waitingFor.why).toBe('the plan begins on J-7');
    expect(world.calls).toEqual(['preflight']);
    await handle.signal(abortSignal, 'no need');
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', undone: [] });
  });
});

describe.concurrent('what an operator sees', () => {
  test('the query progress answers its whole shape, before the first look too', async () => {
    const { handle } = await migrations.start(
      { approvals: examplePlan().approvals },
      STAYS_IN.backup.prepare,
    );
    await until(handle, 'backs up', ({ phase }) => phase === 'backup');
    const seen = await progress(handle);
    expect(Object.keys(seen)).toEqual([
      ...[
        'migration',
        'phase',
        'day',
        'authority',
        'authorityRead',
        'agesMs',
        'percent',
        'sync',
        'sessions',
        'integrity',
        'compared',
        'impactPercent',
        'impact',
      ],
      ...['gates', 'rollback', 'waitingFor', 'suspects', 'paused', 'goingBack', 'throttled', 'lastFailure'],
      'outcome',
    ]);
    expect(seen).toMatchObject({
      authority: 'source',
      sync: {
        copied: 0,
        total: 0,
        lagMs: { p50: null, p99: null },
        pending: 0,
        conflicts: 0,
        quarantined: 0,
      },
      agesMs: { look: null, sync: null, verify: null, impact: null },
      sessions: { live: null, migrated: null, lost: null },
      integrity: null,
      compared: null,
      gates: [],
      rollback: { lossless: true, estimateMs: null, writesAtRisk: null, windowEndsAt: null },
      outcome: null,
    });
    await handle.signal(abortSignal);
    await handle.result();
    const goingBack = { by: 'operator', reason: 'no reason given' };
    expect(await progress(handle)).toMatchObject({ phase: 'ended', outcome: 'aborted', goingBack });
  });

  test('after the flip it tells how to go back, until when and at what cost', async () => {
    const { handle } = await migrations.start(STAYS_IN.watch.change);
    await until(
      handle,
      'has looked from V2',
      ({ phase, rollback }) => phase === 'watch' && rollback.estimateMs !== null,
    );
    const seen = await progress(handle);
    expect(seen).toMatchObject({
      authority: 'target',
      rollback: { lossless: true, estimateMs: 40, writesAtRisk: 0 },
    });
    expect(Date.parse(seen.rollback.windowEndsAt ?? '')).toBeGreaterThan(Date.now());
    await handle.signal(abortSignal);
    await handle.result();
  });

  test('the details page in the UI names the phase, the gates, and the lines to paste', async () => {
    const { handle } = await migrations.start(STAYS_IN.approval.change);
    await until(handle, 'waits', ({ waitingFor }) => waitingFor.what === 'approval');
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toMatch(/\*\*▶ approval\*\*/);
    expect(currentDetails).toMatch(/🟢 integrity/);
    expect(currentDetails).toContain(
      `temporal workflow update execute -w ${handle.workflowId} --name approve --input '{"gate":"cutover","by":"you","reason":"why"}'`,
    );
    expect(currentDetails).toContain(
      `temporal workflow signal -w ${handle.workflowId} --name abort --input '"why"'`,
    );
    await handle.signal(abortSignal);
    await handle.result();
  });

  test('search attributes follow phase and authority where the server knows them', async () => {
    const { handle } = await migrations.start(
      STAYS_IN.watch.change,
      (fake) => (fake.searchAttributes = true),
    );
    await until(handle, 'watches', ({ phase }) => phase === 'watch');
    await eventually('the attributes are there', async () => {
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes).toMatchObject({ MigrationPhase: ['watch'], MigrationAuthority: ['target'] });
      return true;
    });
    await handle.signal(abortSignal);
    await handle.result();
  });

  test('the long activities have ids that stay the same, on a queue of their own', async () => {
    const { handle } = await migrations.start(STAYS_IN.sync.change);
    const ids = await eventually('all are pending', async () => {
      const pending = (await handle.describe()).raw.pendingActivities ?? [];
      const named = pending.map(({ activityId }) => activityId ?? '').filter((id) => id.includes('-'));
      return named.length === 5 && named;
    });
    expect(ids.sort()).toEqual(['measure-impact', 'sync-nexten', 'sync-v1', 'verify-nexten', 'verify-v1']);
    await handle.signal(abortSignal);
    await handle.result();
  });
});

test('the history of a run stays small, and names no address (L12)', async () => {
  const { handle } = await migrations.start();
  await handle.result();
  const { events } = await handle.fetchHistory();
  expect(events?.length).toBeLessThan(500);
  expect(await historyOf(handle)).not.toMatch(/redis:\/\/|rediss:\/\//);
});

test('the workflow preflight answers with the checks, red ones too', async () => {
  const checked = await migrations.preflight((fake) => (fake.checks = [RED]));
  expect(checked).toEqual({ checks: [RED] });
});

test('exactly the two workflows are exported, under the names of their contract', () => {
  expect(Object.keys(workflows).sort()).toEqual(Object.values(WORKFLOW_TYPES).sort());
});
