import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import {
  abortSignal,
  approveUpdate,
  completeUpdate,
  configureUpdate,
  extendWindowUpdate,
  pauseUpdate,
  resumeUpdate,
  rollbackUpdate,
  waiveUpdate,
} from '../../workflows/messages.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { eventually } from '../support/eventually.ts';
import type { Progress } from '../../domain/run/progress.ts';
import type { FakeWorld } from './fake-world.ts';
import { STAYS_IN } from './stories.ts';
import { type Handle, progress, until, waitsForApproval, withMigrations } from './with-migrations.ts';

const migrations = withMigrations();
const MANUAL = { readiness: 'manual', cutover: 'manual', complete: 'manual' } as const;
const because = { by: 'ann', reason: 'looks fine' };

/** The message that the sender of a refused update gets. */
async function refusalOf(sent: Promise<unknown>): Promise<string> {
  const error = await sent.then(
    () => undefined,
    (failure: unknown) => failure,
  );
  if (!(error instanceof WorkflowUpdateFailedError)) throw new Error('it was not refused', { cause: error });
  return error.cause?.message ?? '';
}

async function abort(handle: Handle): Promise<void> {
  await handle.signal(abortSignal);
  await handle.result();
}

describe.concurrent('approvals', () => {
  test('a migration waits at each manual gate, and the report tells who approved what', async () => {
    const { handle, world } = await migrations.start({ approvals: MANUAL });
    for (const gate of ['readiness', 'cutover', 'complete'] as const) {
      await waitsForApproval(handle, gate);
      const answer = await handle.executeUpdate(approveUpdate, { args: [{ gate, ...because }] });
      expect(answer.lastFailure).toBeNull();
    }
    const report = await handle.result();
    expect(report.outcome).toBe('completed');
    expect(report.approvals.map(({ gate, by, reason }) => ({ gate, by, reason }))).toEqual(
      ['readiness', 'cutover', 'complete'].map((gate) => ({ gate, ...because })),
    );
    expect(world.calls).toContain('cutover');
  });

  test('the question before the cutover tells how long writes would be blocked', async () => {
    const { handle } = await migrations.start(STAYS_IN.approval.change);
    await waitsForApproval(handle, 'cutover');
    expect((await progress(handle)).waitingFor.why).toMatch(/blocked for about 30 ms/);
    await abort(handle);
  });

  test('an approval that nobody waits for is refused, with what is legal instead', async () => {
    const { handle } = await migrations.start(STAYS_IN.sync.change);
    await until(handle, 'syncs', ({ phase }) => phase === 'sync');
    const early = handle.executeUpdate(approveUpdate, { args: [{ gate: 'cutover', ...because }] });
    expect(await refusalOf(early)).toBe(
      'approve is not possible now: phase sync waits for no approval. Legal now: pause, configure, abort',
    );
    const back = handle.executeUpdate(rollbackUpdate, { args: [because] });
    expect(await refusalOf(back)).toMatch(/V1 still serves, use abort\. Legal now: pause, configure, abort/);
    await abort(handle);
  });

  test('the approval of another gate than the one asked for is refused', async () => {
    const { handle } = await migrations.start(STAYS_IN.approval.change);
    await waitsForApproval(handle, 'cutover');
    const other = handle.executeUpdate(approveUpdate, { args: [{ gate: 'readiness', ...because }] });
    expect(await refusalOf(other)).toMatch(/nobody waits for the approval of "readiness".*approve cutover/);
    await abort(handle);
  });

  test('an input that lacks something is refused by naming it', async () => {
    const { handle } = await migrations.start(STAYS_IN.approval.change);
    await waitsForApproval(handle, 'cutover');
    const nameless = handle.executeUpdate('approve', { args: [{ gate: 'cutover', reason: 'why not' }] });
    expect(await refusalOf(nameless)).toBe('by: expected a text of 1 to 500 characters');
    expect(await refusalOf(handle.executeUpdate('approve', { args: ['cutover'] }))).toMatch(
      /expected an object/,
    );
    await abort(handle);
  });

  test('gates that turn red while somebody thinks are told, refuse the approval, and must be green again (L7)', async () => {
    const { handle, world } = await migrations.start(STAYS_IN.approval.change);
    await waitsForApproval(handle, 'cutover');
    world.seen = { sync: { quarantined: 3 } };
    await until(handle, 'says what is red', ({ waitingFor }) => /quarantine \(6 values/.test(waitingFor.why));
    const red = handle.executeUpdate(approveUpdate, { args: [{ gate: 'cutover', ...because }] });
    expect(await refusalOf(red)).toMatch(
      /cannot be approved while gates are not green: quarantine \(6 values/,
    );
    world.seen = {};
    await waitsForApproval(handle, 'cutover');
    await handle.executeUpdate(approveUpdate, { args: [{ gate: 'cutover', ...because }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  test('a gate that flickers for as long as somebody thinks leaves the history alone', async () => {
    const { handle, world } = await migrations.start(STAYS_IN.approval.change);
    await waitsForApproval(handle, 'cutover');
    const eventsNow = async () => (await handle.describe()).historyLength;
    const [before, looks] = [await eventsNow(), world.looks];
    for (let flips = 0; flips < 40; flips += 1) {
      world.seen = flips % 2 === 0 ? { sync: { quarantined: 3 } } : {};
      const seen = world.snapshots;
      await eventually('looks again', () => world.snapshots > seen);
    }
    // The looks grow longer with the wait, whatever they see: some of them end, none because of the gate.
    expect(world.looks - looks).toBeLessThan(6);
    expect((await eventsNow()) - before).toBeLessThan(8 * 7);
    await abort(handle);
  });
});

describe.concurrent('a gate that nobody can measure', () => {
  const noise = { impact: { percent: 133, low: -20, high: 233 } };
  const waive = { gate: 'impact', by: 'ann', reason: 'one machine' } as const;
  const heldBy = (handle: Handle, what: RegExp) =>
    until(
      handle,
      `is held by ${what}`,
      ({ waitingFor }) => waitingFor.what === 'gates' && what.test(waitingFor.why),
    );

  test('holds the migration until an operator waives it by name, which ends the look under way; the report says so', async () => {
    const { handle, world } = await migrations.start({}, (fake) => (fake.seen = noise));
    await heldBy(handle, /impact \(not measurable here \(−20 to 233 %\)/);
    const other = handle.executeUpdate(waiveUpdate, { args: [{ ...waive, gate: 'sessions' }] });
    expect(await refusalOf(other)).toMatch(
      /"sessions" cannot be waived: it is green .*Legal now: waive impact, pause/,
    );
    const data = handle.executeUpdate('waive', { args: [{ ...waive, gate: 'integrity' }] });
    expect(await refusalOf(data)).toBe('gate: expected one of impact, sessions, cacheHits');
    // From now on no look ends by itself before the test does.
    world.patience = 1_000;
    const { looks } = world;
    await eventually('a long look is under way', () => world.looks > looks);
    world.patience = 1;
    await handle.executeUpdate(waiveUpdate, { args: [waive] });
    const report = await handle.result();
    expect(report).toMatchObject({ outcome: 'completed', waivers: [waive] });
  });

  test('passes under a plan that waives it, but a proven impact holds all the same', async () => {
    const { gates } = examplePlan();
    const waived = { gates: { ...gates, waive: [{ gate: 'impact', reason: 'one machine' }] as const } };
    const { handle, world } = await migrations.start(waived, (fake) => {
      fake.seen = { impact: { percent: 133, low: 12, high: 233 } };
    });
    await heldBy(handle, /impact \(the apps answer 12 to 233 % slower/);
    const red = handle.executeUpdate(waiveUpdate, { args: [waive] });
    expect(await refusalOf(red)).toMatch(
      /"impact" cannot be waived: it is red \(the apps answer 12 to 233 %/,
    );
    world.seen = noise;
    const report = await handle.result();
    expect(report).toMatchObject({
      outcome: 'completed',
      waivers: [{ gate: 'impact', by: null, reason: 'one machine', at: null }],
    });
  });
});

describe.concurrent('pause and resume', () => {
  test('a pause freezes the order of phases at the next gate while the sync goes on', async () => {
    const { handle, world } = await migrations.start({ approvals: { ...MANUAL, complete: 'auto' } });
    await waitsForApproval(handle, 'readiness');
    const answer = await handle.executeUpdate(pauseUpdate, { args: [{ by: 'ann', reason: 'lunch' }] });
    expect(answer.paused).toEqual({ by: 'ann', reason: 'lunch' });
    expect(answer.waitingFor).toEqual({ what: 'resume', why: 'paused by ann: lunch; the sync goes on' });
    await handle.executeUpdate(approveUpdate, { args: [{ gate: 'readiness', ...because }] });
    const looks = world.looks;
    await eventually('it looks on', () => world.looks > looks + 2);
    expect(world.calls).not.toContain('joinSessions');
    expect(world.running).toContain('sync v1');
    const again = handle.executeUpdate(pauseUpdate, { args: [{ by: 'bob', reason: 'me too' }] });
    expect(await refusalOf(again)).toMatch(/it is paused already\. Legal now: .*resume/);
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    await waitsForApproval(handle, 'cutover');
    expect(await refusalOf(handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] }))).toMatch(
      /nothing is paused/,
    );
    await abort(handle);
  });

  test('a trigger goes back out of a pause too', async () => {
    const { handle, world } = await migrations.start(STAYS_IN.watch.change);
    await until(handle, 'watches', ({ phase }) => phase === 'watch');
    await handle.executeUpdate(pauseUpdate, { args: [{ by: 'ann', reason: 'lunch' }] });
    world.seen = { verify: { equal: 10, diverged: 90 } };
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe.concurrent('the rollback window', () => {
  test('can be ended early by the update complete', async () => {
    const { handle } = await migrations.start(STAYS_IN.watch.change);
    await until(handle, 'watches', ({ phase }) => phase === 'watch');
    await handle.executeUpdate(completeUpdate, { args: [because] });
    const report = await handle.result();
    expect(report).toMatchObject({ outcome: 'completed', authority: 'target' });
    expect(report.approvals.at(-1)).toMatchObject({ gate: 'complete', ...because });
  });

  test('can be extended, also after it is over and while its end waits for approval', async () => {
    const { handle, plan } = await migrations.start({
      approvals: { ...examplePlan().approvals, complete: 'manual' },
    });
    await waitsForApproval(handle, 'complete');
    const before = Date.parse((await progress(handle)).rollback.windowEndsAt ?? '');
    const answer = await handle.executeUpdate(extendWindowUpdate, { args: [{ days: 100, by: 'ann' }] });
    expect(Date.parse(answer.rollback.windowEndsAt ?? '') - before).toBe(100 * plan.dayMs);
    await until(handle, 'the window is open again', ({ waitingFor }) => waitingFor.what === 'time');
    await waitsForApproval(handle, 'complete');
    await abort(handle);
  });

  test('does not end by itself while a gate is red: what is wrong then has no way back any more (L7)', async () => {
    const { handle, world } = await migrations.start({}, (fake) =>
      fake.when('cutover', () => (fake.seen = { sync: { quarantined: 3 } })),
    );
    await until(
      handle,
      'is held',
      ({ waitingFor }) => waitingFor.what === 'gates' && waitingFor.gate === 'complete',
    );
    await until(handle, 'says by what', ({ waitingFor }) => /quarantine \(6 values/.test(waitingFor.why));
    const { looks } = world;
    await eventually('it looks on', () => world.looks > looks + 2);
    expect(world.calls).not.toContain('verifyAll');
    world.seen = {};
    const report = await handle.result();
    expect(report).toMatchObject({ outcome: 'completed' });
    expect(report.approvals.at(-1)).toMatchObject({ gate: 'complete', by: 'plan' });
  });

  test('whose end a gate holds is ended by a person who says so, and a trigger still leads back', async () => {
    const red = (fake: FakeWorld) => fake.when('cutover', () => (fake.seen = { sync: { quarantined: 3 } }));
    const [told, harmed] = await Promise.all([migrations.start({}, red), migrations.start({}, red)]);
    const held = ({ waitingFor }: Progress) => waitingFor.what === 'gates' && waitingFor.gate === 'complete';
    await Promise.all([told, harmed].map(({ handle }) => until(handle, 'is held', held)));
    await told.handle.executeUpdate(completeUpdate, { args: [because] });
    harmed.world.seen = { verify: { equal: 10, diverged: 90 } };
    expect(await told.handle.result()).toMatchObject({ outcome: 'completed' });
    expect(await harmed.handle.result()).toMatchObject({ outcome: 'rolled-back' });
  });

  test('does not exist before the flip', async () => {
    const { handle } = await migrations.start(STAYS_IN.sync.change);
    await until(handle, 'syncs', ({ phase }) => phase === 'sync');
    const early = handle.executeUpdate(extendWindowUpdate, { args: [{ days: 1, by: 'ann' }] });
    expect(await refusalOf(early)).toMatch(/extendWindow is not possible now: V1 still serves/);
    await abort(handle);
  });
});

test('a rehearsal whose fence does not hold keeps the readiness waiting and says so', async () => {
  const { handle, world } = await migrations.start({ gates: { ...examplePlan().gates, fenceBudgetMs: 10 } });
  await until(handle, 'tells the problem', ({ lastFailure }) =>
    /the budget is 10 ms/.test(lastFailure ?? ''),
  );
  await eventually(
    'it rehearses again',
    () => world.calls.filter((call) => call === 'rehearseSwitch').length > 1,
  );
  await abort(handle);
});

describe.concurrent('the bounds of our own work', () => {
  const callsOf = (world: { calls: readonly string[] }) =>
    world.calls.filter((call) => call.startsWith('configure'));

  test('are told to what runs, at once, and the last word counts; progress shows them', async () => {
    const { handle, world } = await migrations.start(STAYS_IN.sync.change);
    await until(handle, 'syncs', ({ phase }) => phase === 'sync');
    const first = await handle.executeUpdate(configureUpdate, {
      args: [{ copyKeysPerSecond: 5_000, by: 'ann' }],
    });
    expect(first.sync.throttle).toMatchObject({ copyKeysPerSecond: 5_000, share: 1 });
    await handle.executeUpdate(configureUpdate, { args: [{ batchMs: 1, by: 'ann' }] });
    await eventually('both are told', () => callsOf(world).at(-1)?.includes('"batchMs":1'));
    expect(callsOf(world).at(-1)).toContain('"copyKeysPerSecond":5000');
    await abort(handle);
  });

  test('that are asked for before the copy are told when it begins', async () => {
    const { handle, world } = await migrations.start(STAYS_IN.sync.change, (begun) => begun.close('backup'));
    await until(handle, 'backs up', ({ phase }) => phase === 'backup');
    await handle.executeUpdate(configureUpdate, { args: [{ verifyKeysPerSecond: 7, by: 'ann' }] });
    expect(callsOf(world)).toEqual([]);
    world.open('backup');
    await eventually('they are told', () => callsOf(world)[0]?.includes('"verifyKeysPerSecond":7'));
    await abort(handle);
  });

  test('are not changed by what is no bound', async () => {
    const { handle, world } = await migrations.start(STAYS_IN.sync.change);
    await until(handle, 'syncs', ({ phase }) => phase === 'sync');
    const odd = handle.executeUpdate(configureUpdate, { args: [{ batchMs: 7, by: 'ann' }] });
    expect(await refusalOf(odd)).toMatch(/batchMs: expected a number of ms above 0, at most 2/);
    expect(callsOf(world)).toEqual([]);
    await abort(handle);
  });
});
