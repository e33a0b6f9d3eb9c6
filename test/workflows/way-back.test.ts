import { describe, expect, test } from 'vitest';
import { FAILURES } from '../../domain/run/failure.ts';
import { abortSignal, pauseUpdate, rollbackUpdate } from '../../workflows/messages.ts';
import { eventually } from '../support/eventually.ts';
import { finalFailure } from './fake-world.ts';
import { BEFORE_THE_FLIP, FROM_THE_FLIP_ON, STAYS_IN } from './stories.ts';
import { PATIENCE, progress, waitsForApproval, waitsForOperator, withMigrations } from './with-migrations.ts';

const migrations = withMigrations();

const UNDO_OF_THE_SYNC = [
  'drainToSource',
  'sync v1 stopped',
  'clearTarget',
  'unfence',
  'dropRecords',
  'release',
];
const UNDO: Readonly<Record<string, readonly string[]>> = {
  preflight: [],
  backup: ['release'],
  copy: UNDO_OF_THE_SYNC,
  sync: UNDO_OF_THE_SYNC,
  readiness: ['unfence', ...UNDO_OF_THE_SYNC],
  sessions: ['unfence', ...UNDO_OF_THE_SYNC],
  validation: ['unfence', ...UNDO_OF_THE_SYNC],
  approval: ['unfence', ...UNDO_OF_THE_SYNC],
};

describe.concurrent('an abort before the flip', () => {
  test.each(BEFORE_THE_FLIP)(
    'in phase %s undoes what was done, newest first, V1 serving (L9)',
    async (phase) => {
      const { handle, world } = await migrations.stayIn(phase);
      await handle.signal(abortSignal, { reason: `tried in ${phase}`, by: 'ann' });
      const report = await handle.result();
      expect(report).toMatchObject({
        outcome: 'aborted',
        authority: 'source',
        reason: `tried in ${phase}`,
        undone: [],
        rollback: null,
      });
      expect(report.phases.at(-1)?.phase).toBe(phase);
      const undo = UNDO[phase] ?? [];
      expect(world.order.slice(world.order.length - undo.length)).toEqual(undo);
      expect(world.calls).not.toContain('rollback');
      expect([...world.running]).toEqual([]);
    },
  );
});

describe.concurrent('an abort from the cutover on', () => {
  test.each(FROM_THE_FLIP_ON)(
    'in phase %s gives the authority back, then undoes, clearing nothing',
    async (phase) => {
      const { handle, world } = await migrations.stayIn(phase);
      await handle.signal(abortSignal, `tried in ${phase}`);
      if (phase === 'cutover') {
        // The abort does not cancel the cutover. The way back begins only when the cutover has ended.
        const pause = handle.executeUpdate(pauseUpdate, { args: [{ by: 'ann', reason: 'wait' }] });
        await expect(pause).rejects.toMatchObject({
          cause: { message: expect.stringMatching(/going back/) as string },
        });
        expect(world.calls).not.toContain('rollback');
        world.open('cutover');
      }
      const report = await handle.result();
      expect(report).toMatchObject({
        outcome: 'rolled-back',
        authority: 'source',
        reason: `tried in ${phase}`,
        undone: [],
      });
      expect(report.rollback).toMatchObject({ to: 'source', epoch: 3 });
      expect(world.after('rollback')).toEqual(['sync v1 stopped', 'dropRecords, ledger kept', 'release']);
      expect(world.calls).not.toContain('clearTarget');
    },
  );
});

describe.concurrent('the same way back', () => {
  test('is taken by the cancellation of the workflow', async () => {
    const { handle, world } = await migrations.stayIn('sync');
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', reason: 'the workflow was cancelled' });
    expect(world.order.slice(-UNDO_OF_THE_SYNC.length)).toEqual(UNDO_OF_THE_SYNC);
  });

  test('is taken by a cancellation after the flip', async () => {
    const { handle } = await migrations.stayIn('watch');
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', authority: 'source' });
  });

  test('is taken by the update rollback, whose answer is the progress', async () => {
    const { handle } = await migrations.stayIn('watch');
    const answer = await handle.executeUpdate(rollbackUpdate, {
      args: [{ by: 'ann', reason: 'numbers look odd' }],
    });
    expect(answer.migration).toMatch(/^m\d+$/);
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', reason: 'numbers look odd' });
  });

  test('is taken by a step that fails for good', async () => {
    const { handle, world } = await migrations.start({}, (fake) =>
      fake.fail('backup', finalFailure(FAILURES.BackupUnproven, 'counts differ after the restore')),
    );
    expect(await handle.result()).toMatchObject({
      outcome: 'aborted',
      reason: 'backup: counts differ after the restore',
    });
    expect(world.calls).toEqual(['preflight', 'claim', 'backup j-7', 'release']);
  });

  test('is taken by a sync that fails for good', async () => {
    const { handle } = await migrations.start(STAYS_IN.sync.change, (fake) =>
      fake.fail('sync', finalFailure(FAILURES.BadConfiguration, 'the user lacks rights')),
    );
    expect(await handle.result()).toMatchObject({
      outcome: 'aborted',
      reason: 'sync: the user lacks rights',
    });
  });

  test('is not taken by a step that fails and then succeeds', async () => {
    const { handle, world } = await migrations.start({}, (fake) =>
      fake.fail('backup', new Error('no answer')),
    );
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(world.calls.filter((call) => call === 'backup j-7')).toHaveLength(2);
  });

  test('is taken by a trigger before the flip', async () => {
    const { handle, world } = await migrations.stayIn('sync');
    world.seen = { verify: { equal: 90, diverged: 10 } };
    const report = await handle.result();
    expect(report).toMatchObject({
      outcome: 'aborted',
      reason: expect.stringMatching(/^integrity .* 90.00 %/) as string,
    });
  });

  test('is taken by a trigger after the flip, and by no silence before it (L7)', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.seen = { sync: null, verify: null };
    const before = world.looks;
    await eventually('looks found nothing', () => world.looks > before + 3);
    expect((await progress(handle)).rollback.lossless).toBe(false);
    world.seen = { verify: { sessions: { live: 10, migrated: 9, lost: 1 } } };
    expect(await handle.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: expect.stringMatching(/sessions are lost/) as string,
    });
  });

  test('goes on after an undo that failed, and the report names it', async () => {
    const { handle, world } = await migrations.stayIn('approval');
    world.fail('drainToSource', finalFailure(FAILURES.BadConfiguration, 'V2 is gone'));
    world.fail('clearTarget', finalFailure(FAILURES.BadConfiguration, 'V2 is still gone'));
    await handle.signal(abortSignal, 'because');
    const report = await handle.result();
    expect(report.undone).toEqual([
      { step: 'carry what was written on V2 to V1', problem: 'drainToSource: V2 is gone' },
      { step: 'clear V2 of what we wrote', problem: 'clearTarget: V2 is still gone' },
    ]);
    expect(world.order.slice(-3)).toEqual(['unfence', 'dropRecords', 'release']);
  });
});

describe.concurrent('a sync that cannot be told to stop any more', () => {
  test('because its worker died just then, is over: the migration completes', async () => {
    const { handle, world } = await migrations.stayIn('complete');
    world.silent = true;
    world.open('verifyAll');
    const report = await handle.result();
    world.silent = false;
    expect(report).toMatchObject({ outcome: 'completed', authority: 'target', undone: [] });
    expect(world.calls).not.toContain('rollback');
  });

  test('because its worker died just then, is over: the way back goes on', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.silent = true;
    await handle.signal(abortSignal, 'because');
    const report = await handle.result();
    world.silent = false;
    expect(report).toMatchObject({ outcome: 'rolled-back', authority: 'source', undone: [] });
    expect(world.after('rollback')).toEqual(['dropRecords, ledger kept', 'release']);
  });

  test('because it waits for an operator, is waited for no more: the migration completes', async () => {
    const { handle, world } = await migrations.stayIn('complete');
    world.broken = finalFailure(FAILURES.BadConfiguration, 'the user lacks rights');
    await waitsForOperator(handle);
    world.open('verifyAll');
    expect(await handle.result()).toMatchObject({ outcome: 'completed', undone: [] });
    expect(world.calls).not.toContain('rollback');
  });
});

describe.concurrent('a second abort', () => {
  test('while one is under way changes nothing', async () => {
    const { handle, world } = await migrations.stayIn('approval');
    world.close('clearTarget');
    await handle.signal(abortSignal, 'first');
    await eventually('it is clearing', () => world.calls.includes('clearTarget'));
    await handle.signal(abortSignal, 'second');
    world.open('clearTarget');
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', reason: 'first' });
    expect(world.calls.filter((call) => call === 'clearTarget')).toHaveLength(1);
  });

  test('that comes while the sync is being ended at the very end is too late', async () => {
    const { handle, world } = await migrations.start({}, (fake) => fake.close('dropRecords'));
    await eventually('traces are dropped', () => world.calls.includes('dropRecords'), PATIENCE);
    await handle.signal(abortSignal, 'late');
    world.open('dropRecords');
    expect(await handle.result()).toMatchObject({ outcome: 'completed', reason: null });
  });
});

test('waiting for an approval does not lead past it', async () => {
  const { handle, world } = await migrations.stayIn('approval');
  await waitsForApproval(handle, 'cutover');
  const before = world.looks;
  await eventually('it has looked again', () => world.looks > before);
  expect(world.calls).not.toContain('cutover');
  await handle.signal(abortSignal);
  await handle.result();
});
