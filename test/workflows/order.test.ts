import { expect, test } from 'vitest';
import { PHASES } from '../../domain/phase.ts';
import { withMigrations } from './with-migrations.ts';

const migrations = withMigrations();

test('a migration goes through every phase in order and ends completed, V2 serving', async () => {
  const { handle, world } = await migrations.start();
  const report = await handle.result();
  expect(report).toMatchObject({
    outcome: 'completed',
    authority: 'target',
    reason: null,
    undone: [],
    cleared: null,
  });
  expect(report.phases.map((phase) => phase.phase)).toEqual(PHASES);
  expect(world.calls.filter((call) => !/^(sync|verify|measure)/.test(call))).toEqual([
    'preflight',
    'claim',
    'backup j-7',
    'copyFiles',
    'rehearseSwitch',
    'joinSessions',
    'backup j-day',
    'cutover',
    'dropTraces',
    'release',
  ]);
});
