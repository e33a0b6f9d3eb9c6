import { describe, expect, test } from 'vitest';
import { FAILURES } from '../../domain/run/failure.ts';
import { abortSignal, resumeUpdate } from '../../workflows/messages.ts';
import { eventually } from '../support/eventually.ts';
import { finalFailure } from './fake-world.ts';
import { PATIENCE, progress, until, waitsForOperator, withMigrations } from './with-migrations.ts';

const migrations = withMigrations();

const tooSlow = () => finalFailure(FAILURES.CutoverTooSlow, 'drain took 900 ms');

describe.concurrent('a cutover', () => {
  test('that is too slow twice is tried again on green gates and then completes', async () => {
    const { handle } = await migrations.start({}, (fake) => fake.fail('cutover', tooSlow(), tooSlow()));
    const report = await handle.result();
    expect(report).toMatchObject({ outcome: 'completed', cutover: { attempts: 3, to: 'target' } });
  });

  test('that is too slow as often as the plan allows aborts', async () => {
    const { handle, world } = await migrations.start({}, (fake) =>
      fake.fail('cutover', tooSlow(), tooSlow(), tooSlow()),
    );
    expect(await handle.result()).toMatchObject({ outcome: 'aborted', reason: 'cutover: drain took 900 ms' });
    expect(world.after('cutover').filter((call) => call === 'cutover')).toHaveLength(2);
    expect(world.order.slice(-7, -5)).toEqual(['unfence', 'drainToSource']);
  });

  test('that broke before the flip is un-fenced at once and tried again (L8)', async () => {
    const { handle, world } = await migrations.start({}, (fake) =>
      fake.fail('cutover', new Error('connection lost')),
    );
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
    expect(world.after('cutover').slice(0, 2)).toEqual(['unfence', 'cutover']);
  });

  test('that broke after the flip is finished forward, V1 is not opened (L1, L8)', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', new Error('connection lost'));
      fake.when('cutover', () => fake.moveTo('target'));
    });
    expect(await handle.result()).toMatchObject({ outcome: 'completed', authority: 'target' });
    expect(world.after('cutover')[0]).toBe('cutover');
    expect(world.calls).not.toContain('unfence');
  });

  test('that died between two records is finished forward once the syncs have mended them: nobody is asked (L8)', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', new Error('connection lost'));
      fake.when('cutover', () => {
        fake.moveTo('target');
        fake.authorityKnown = false;
        const looks = fake.looks;
        fake.when('observe', () => (fake.authorityKnown = fake.looks > looks + 2));
      });
    });
    const report = await handle.result();
    expect(report).toMatchObject({ outcome: 'completed', authority: 'target' });
    expect(world.after('cutover')[0]).toBe('cutover');
  });

  test('whose end fails again and again asks an operator', async () => {
    const { handle } = await migrations.start({}, (fake) => {
      fake.fail('cutover', ...Array.from({ length: 20 }, () => new Error('no rights on V2')));
      fake.when('cutover', () => fake.moveTo('target'));
    });
    const asks = async () => (await progress(handle)).waitingFor.what === 'resume';
    await eventually('it waits for an operator', asks, { withinMs: 120_000 });
    expect((await progress(handle)).lastFailure).toMatch(
      /V2 has the authority, and the rest fails.*no rights/,
    );
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  test('that died between two records and was aborted meanwhile goes back once the stores agree', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', new Error('connection lost'));
      fake.when('cutover', () => {
        fake.moveTo('target');
        fake.authorityKnown = false;
      });
    });
    await eventually('the cutover broke', () => world.calls.includes('cutover'), PATIENCE);
    const before = world.looks;
    await eventually('it was looked who serves', () => world.looks > before + 1, PATIENCE);
    await handle.signal(abortSignal, 'enough');
    world.authorityKnown = true;
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', reason: 'enough' });
  });

  test('that broke, and a look that fails for good: an operator is asked, nothing is undone', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', new Error('connection lost'));
      fake.when('cutover', () => {
        fake.fail('observe', finalFailure(FAILURES.BadConfiguration, 'no rights'));
        fake.when('cutover', () => undefined);
      });
    });
    await waitsForOperator(handle);
    expect(world.after('cutover')).toEqual([]);
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  const uncertain = () => finalFailure(FAILURES.OwnershipUncertain, 'the records disagree');

  test('that leaves nobody knowing who serves waits for an operator, undoes nothing, and goes on by resume', async () => {
    const { handle, world } = await migrations.start({}, (fake) => fake.fail('cutover', uncertain()));
    await waitsForOperator(handle);
    expect((await progress(handle)).lastFailure).toMatch(
      /nobody can know which side serves.*the records disagree/,
    );
    expect(world.after('cutover')).toEqual([]);
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  test('that dies, while the next worker reaches another server: says so, does nothing, and goes on by itself (L8, L15)', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', new Error('connection lost'));
      fake.when('cutover', () => (fake.doubt = 'store v1 holds no claim'));
    });
    await until(handle, 'it is told', ({ waitingFor, lastFailure }) =>
      /who serves: store v1 holds no claim/.test(waitingFor.what === 'resume' ? (lastFailure ?? '') : ''),
    );
    expect(world.after('cutover')).toEqual([]);
    world.when('cutover', () => undefined);
    world.doubt = null;
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  test('that dies and is found moved by another one: nothing is done until somebody says that the stores are right (L15)', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', new Error('connection lost'));
      fake.when('cutover', () => (fake.epoch = 7));
    });
    await until(handle, 'it is told', ({ waitingFor, lastFailure }) =>
      /\(epoch 7\).*resume --accept record/.test(waitingFor.what === 'resume' ? (lastFailure ?? '') : ''),
    );
    expect(world.after('cutover')).toEqual([]);
    world.when('cutover', () => undefined);
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann', accept: 'record' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'completed' });
  });

  test('that leaves nobody knowing, then aborted, goes back the way the stores say once they agree', async () => {
    const { handle, world } = await migrations.start({}, (fake) => {
      fake.fail('cutover', uncertain());
      fake.when('cutover', () => (fake.authorityKnown = false));
    });
    await waitsForOperator(handle);
    await handle.signal(abortSignal, 'give up');
    await until(handle, 'still nobody knows', ({ lastFailure }) =>
      /until the stores agree/.test(lastFailure ?? ''),
    );
    expect(world.after('cutover')).toEqual([]);
    world.authorityKnown = true;
    world.moveTo('target');
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', reason: 'give up' });
    expect(world.after('cutover')[0]).toBe('rollback');
  });
});

describe.concurrent('a rollback', () => {
  test('that fails for good stops nothing that V2 needs, and is tried again by resume', async () => {
    const { handle, world } = await migrations.stayIn('watch');
    world.fail('rollback', finalFailure(FAILURES.OwnershipUncertain, 'the records disagree'));
    await handle.signal(abortSignal, 'back');
    await waitsForOperator(handle);
    expect(world.running).toContain('sync v1');
    await handle.executeUpdate(resumeUpdate, { args: [{ by: 'ann' }] });
    expect(await handle.result()).toMatchObject({ outcome: 'rolled-back', authority: 'source' });
  });
});
