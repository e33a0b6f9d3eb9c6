import { describe, expect, test } from 'vitest';
import { FAILURES } from '../../domain/run/failure.ts';
import { abortSignal, completeUpdate, pauseUpdate, resumeUpdate } from '../../workflows/messages.ts';
import { eventually } from '../support/eventually.ts';
import { finalFailure } from './fake-world.ts';
import {
  type Handle,
  PATIENCE,
  progress,
  until,
  waitsForOperator,
  withMigrations,
} from './with-migrations.ts';

const migrations = withMigrations();
const byAnn = { by: 'ann', reason: 'tried' };
const lacksRights = () => finalFailure(FAILURES.BadConfiguration, 'the user lacks rights');

describe.concurrent('the last verification', () => {
  test('is followed by a look at the fence of V1 before the sync is ended (L1)', async () => {
    const { handle, world } = await migrations.stayIn('complete');
    const before = world.looks;
    world.open('verifyAll');
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(world.looks).toBeGreaterThan(before);
  });

  test('does not end the sync while the stores do not agree that V2 serves (L1)', async () => {
    const { handle, world } = await migrations.stayIn('complete');
    world.authorityKnown = false;
    world.open('verifyAll');
    const held = async () =>
      (await progress(handle)).lastFailure === 'the stores do not agree that V2 serves';
    await eventually('it is held up', held, PATIENCE);
    expect(world.running).toContain('sync v1');
    world.authorityKnown = true;
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  test('that finds differences is made again until it finds none, and a decision can be taken meanwhile', async () => {
    const { handle, world } = await migrations.start({}, (fake) => (fake.diverged = 1));
    const made = () => world.calls.filter((call) => call === 'verifyAll').length;
    await eventually('four were made', () => made() === 4, PATIENCE);
    world.diverged = 0;
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann', accept: 'restore' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(made()).toBe(5);
  });

  test('does not lead past a pause', async () => {
    const { handle, world } = await migrations.stayIn('complete');
    await handle.executeUpdate(pauseUpdate, { args: [byAnn] });
    const before = world.looks;
    world.open('verifyAll');
    await eventually('it has looked again and again', () => world.looks > before + 3, PATIENCE);
    expect(world.running).toContain('sync v1');
    expect(await progress(handle)).toMatchObject({ phase: 'complete', outcome: null });
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(await progress(handle)).toMatchObject({ paused: null, waitingFor: { what: 'nothing' } });
  });

  test('leaves the question of a sync that failed open, and resume answers it', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.broken = lacksRights();
    world.diverged = 1;
    await waitsForOperator(handle);
    await handle.executeUpdate(completeUpdate, { args: [byAnn] });
    await eventually('it was verified', () => world.calls.includes('verifyAll'), PATIENCE);
    expect((await progress(handle)).waitingFor).toMatchObject({
      what: 'resume',
      why: expect.stringContaining('the user lacks rights') as string,
    });
    world.broken = null;
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    await eventually('the sync runs again', () => world.running.has('sync v1'), PATIENCE);
    world.diverged = 0;
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });
});

describe.concurrent('a store that comes back without its claim after the sync has ended', () => {
  const lost = () => finalFailure(FAILURES.StoreUnclaimed, 'store v1 holds no claim');
  const accepting = (handle: Handle, accept: 'absence' | 'restore') =>
    handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann', accept }] });

  test.each(['complete', 'rollback'])(
    'holds the end of a %s up until an operator says that it stays as it is (L5, L15)',
    async (how) => {
      const { handle, world } = await migrations.stayIn('watch');
      world.fail('dropRecords', ...Array.from({ length: 50 }, lost));
      world.when('resolveSuspicion', () => world.forgive('dropRecords'));
      if (how === 'complete') await handle.executeUpdate(completeUpdate, { args: [byAnn] });
      else await handle.signal(abortSignal, 'enough');
      await waitsForOperator(handle);
      await expect(accepting(handle, 'restore')).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/nothing is written back.*Legal now: resume/) as string },
      });
      await accepting(handle, 'absence');
      expect(world.calls).toContain('decide absence without a sync');
      const outcome = how === 'complete' ? 'completed' : 'rolled-back';
      expect(await handle.result()).toMatchObject({ outcome, undone: [] });
    },
  );
});

describe.concurrent('a migration whose workflow was cancelled', () => {
  test('can still be told what is held back: its rollback waits for it (L5)', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.close('rollback');
    await handle.cancel();
    await until(handle, 'is going back', ({ phase }) => phase === 'rolling-back');
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann', accept: 'restore' }] });
    expect(world.calls).toContain('decide restore');
    world.open('rollback');
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back' });
  });
});

describe.concurrent('a sync that fails for good', () => {
  test('while the authority moves asks an operator: it is the way back (L9)', async () => {
    const { handle, world } = await migrations.stayIn('cutover');
    world.broken = lacksRights();
    const heard = async () => (await progress(handle)).lastFailure?.includes('the user lacks rights');
    await eventually('the workflow has heard of it', heard, PATIENCE);
    world.open('cutover');
    await waitsForOperator(handle);
    expect(world.calls).not.toContain('rollback');
    await handle.signal(abortSignal, 'enough');
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', reason: 'enough' });
  });
});
