import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { toldProgress } from '../../client/told-progress.ts';
import { type LookBeat, watchStep } from '../../domain/gates/watch.ts';
import { newRunState, type RunState } from '../../domain/run/run-state.ts';
import { STATE_MEMO } from '../../workflows/names.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { exampleSnapshot } from '../support/plans/example-snapshot.ts';

const T0 = Date.parse('2026-11-01T00:00:00Z');
const plan = examplePlan();
const SCHEDULED = 1;
const STARTED = 2;

type Raw = WorkflowExecutionDescription['raw'];

/** A run as Temporal describes it: by default one that watches, whose look has sent a heartbeat 400 ms before `T0`. */
function described(
  state: Partial<RunState> | null,
  raw: Partial<Raw> = { pendingActivities: [looking(T0 - 400)] },
  status = 'RUNNING',
): WorkflowExecutionDescription {
  const { plan: _plan, ...begun } = newRunState(plan, T0 - 3_600_000);
  const memo = state && { [STATE_MEMO]: { ...begun, phase: 'sync', epoch: 1, ...state } };
  return {
    workflowId: 'jday-example',
    startTime: new Date(T0 - 3_600_000),
    closeTime: status === 'RUNNING' ? undefined : new Date(T0 - 60_000),
    status: { name: status },
    memo: memo ?? undefined,
    raw,
  } as unknown as WorkflowExecutionDescription;
}

function at(ms: number) {
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 } as never;
}

/** A look at work whose last heartbeat was at `beatMs` and told a read of `ageMs` before. */
function looking(beatMs: number, ageMs = 100) {
  const input = { goal: 'none', joins: 'sync', authority: 'source', holdMs: 0, greenForMs: null } as const;
  const observation = watchStep(input, exampleSnapshot({ sync: { conflicts: 7 } }), plan, input, 0);
  const beat: LookBeat = { at: 'lag green', observation, ageMs };
  return {
    activityType: { name: 'observe' },
    state: STARTED,
    lastStartedTime: at(beatMs - 60_000),
    lastHeartbeatTime: at(beatMs),
    heartbeatDetails: { payloads: [defaultPayloadConverter.toPayload(beat)] },
  };
}

const report = () => Promise.reject(new Error('nobody asks for it'));
const told = (description: WorkflowExecutionDescription, nowMs = T0) =>
  toldProgress(description, plan, nowMs, report);

describe('the progress that Temporal holds', () => {
  test('is that of the look at work, a second old at the most, and needs no worker', async () => {
    const { progress, silence } = await told(described({ observedAtMs: T0 - 7_200_000 }));
    expect(silence).toBeNull();
    expect(progress).toMatchObject({
      phase: 'sync',
      authority: 'source',
      agesMs: { look: 500, sync: 500 },
      sync: { conflicts: 14, lagMs: { p99: 8 } },
      sessions: { live: 10, lost: 0 },
      integrity: 100,
    });
  });

  test('is that of the memo where the look at work has not read the stores yet', async () => {
    const newer = described({ observation: null, observedAtMs: T0, authorityAtMs: T0 });
    expect((await told(newer)).progress).toMatchObject({ agesMs: { look: null }, sync: { conflicts: 0 } });
  });

  test('of a run that no worker has taken up is unknown, and the run says so (L7)', async () => {
    const { progress, silence } = await told(described(null, {}));
    expect(silence).toMatch(/^no worker has taken this run up yet/);
    expect(progress).toMatchObject({ phase: 'preflight', authority: null, rollback: { lossless: false } });
  });
});

describe('without a worker', () => {
  const dead = described({}, { pendingActivities: [looking(T0 - 400)] });

  test('the numbers become unknown, each with its age, and the run says since when nobody answers (L7)', async () => {
    expect((await told(dead, T0 + 10_000)).silence).toBeNull();
    const { progress, silence } = await told(dead, T0 + 240_000);
    expect(silence).toBe('no worker answers: last heard of 4 min ago. Start one (jday worker)');
    expect(progress).toMatchObject({
      authority: null,
      authorityRead: { side: 'source', ageMs: 240_500 },
      agesMs: { look: 240_500 },
      sync: { conflicts: 14, lagMs: { p99: null } },
      sessions: { lost: null },
      integrity: null,
      rollback: { lossless: false },
    });
    expect(progress.gates.every(({ verdict }) => verdict === 'unknown')).toBe(true);
  });

  test('an activity that waits for a worker, and a task that waits for one, are told', async () => {
    const waiting = { ...looking(T0 - 90_000), state: SCHEDULED, scheduledTime: at(T0 - 84_000) };
    expect((await told(described({}, { pendingActivities: [waiting] }))).silence).toMatch(
      /no worker answers: last heard of 84 s ago/,
    );
    const task = {
      pendingWorkflowTask: { originalScheduledTime: at(T0 - 20_000), attempt: 1 },
    } as Partial<Raw>;
    expect((await told(described({}, task))).silence).toMatch(/the next step has waited for 20 s/);
  });

  test('workers that fail at the run are told from none at all', async () => {
    const failing = {
      pendingWorkflowTask: { originalScheduledTime: at(T0 - 60_000), attempt: 5 },
    } as Partial<Raw>;
    expect((await told(described({}, failing))).silence).toMatch(
      /^the workers fail at the next step of this run, attempt 5, for 60 s/,
    );
  });
});

test('a run that failed or was terminated shows no number of before, and says how it ended (L7)', async () => {
  const over = described({ authority: 'target', phase: 'watch' }, {}, 'TERMINATED');
  const { progress, silence } = await told(over);
  const how = 'the run was terminated at 2026-10-31T23:59:00.000Z, so nothing was undone';
  expect(silence).toBe(how);
  expect(progress).toMatchObject({
    phase: 'ended',
    authority: null,
    authorityRead: null,
    agesMs: { look: null },
    integrity: null,
    sessions: { lost: null },
    rollback: { lossless: false },
    lastFailure: how,
    outcome: null,
  });
});
