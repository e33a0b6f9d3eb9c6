import { describe, expect, test } from 'vitest';
import { FAILURES } from '../../domain/run/failure.ts';
import { abortSignal, resumeUpdate } from '../../workflows/messages.ts';
import { finalFailure } from './fake-world.ts';
import { progress, until, waitsForOperator, withMigrations } from './with-migrations.ts';

const migrations = withMigrations();
const broken = () => new Error('connection lost');

describe('steps that touch fences', () => {
  test('bear numbers that grow from step to step; attempts at one of them bear the same (L1)', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.fail('rollback', broken(), broken());
    await handle.signal(abortSignal, 'back');
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back' });
    expect(world.ordered).toEqual([
      ['cutover', 1],
      ['rollback', 2],
      ['rollback', 2],
      ['rollback', 2],
    ]);
  });

  test('a broken cutover, the opening of V1 after it and the next cutover: each has its own (L1, L8)', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fencingNumber = 1_790_000_000_000;
      fake.fail('cutover', broken());
      fake.fail('unfence', broken());
    });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(world.ordered).toEqual([
      ['cutover', 1_790_000_000_001],
      ['unfence', 1_790_000_000_002],
      ['unfence', 1_790_000_000_002],
      ['cutover', 1_790_000_000_003],
    ]);
  });

  test('are numbered on the way back of a cancelled workflow too (L9)', async () => {
    const { handle, world } = await migrations.stayIn('approval');
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', undone: [] });
    expect(world.ordered).toEqual([
      ['unfence', 1],
      ['drainToSource', 2],
      ['unfence', 3],
    ]);
  });
});

describe('a step of the way back that a later token has refused', () => {
  test('is done under the next number: nobody is asked, nothing is left undone (L9)', async () => {
    const { handle, world } = await migrations.stayIn('approval');
    const ahead = 1_790_000_000_000;
    world.when('unfence', () => {
      world.fencingNumber = ahead;
      world.when('unfence', () => undefined);
    });
    world.fail('unfence', finalFailure(FAILURES.SwitchLeaseLost, 'a later attempt holds the fences'));
    await handle.signal(abortSignal, 'enough');
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', undone: [] });
    expect(world.ordered).toEqual([
      ['unfence', 1],
      ['unfence', ahead + 1],
      ['drainToSource', ahead + 2],
      ['unfence', ahead + 3],
    ]);
  });
});

describe('a number that cannot be had', () => {
  test('because a store is away is asked for again, as the step would be (L9)', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.fail('nextFencingNumber', broken(), broken(), broken());
    await handle.signal(abortSignal, 'back');
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', undone: [] });
    expect(world.ordered.at(-1)).toEqual(['rollback', 2]);
  });

  test('because another store is behind an address makes V1 wait for an operator, and nothing is undone meanwhile', async () => {
    const { handle, world } = await migrations.stayIn('approval');
    const wrong = () => finalFailure(FAILURES.BadConfiguration, 'no rights on V2');
    world.fail('nextFencingNumber', wrong());
    await handle.signal(abortSignal, 'enough');
    await waitsForOperator(handle);
    expect((await progress(handle)).lastFailure).toMatch(/opening V1 failed: .*no rights on V2/);
    expect(world.ordered).toEqual([]);
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', undone: [] });
  });

  test('for a cutover: it has not begun, V1 serves, it is tried again on green gates (L8)', async () => {
    const { handle, world } = await migrations.start({}, (fake) => fake.fail('nextFencingNumber', broken()));
    await until(handle, 'it is cut over', ({ authority }) => authority === 'target');
    expect(await handle.result()).toMatchObject({ outcome: 'completed', cutover: { attempts: 2 } });
    expect(world.ordered).toEqual([
      ['unfence', 1],
      ['cutover', 2],
    ]);
  });
});
