import type { Command } from 'commander';
import { type Desk, withMigrations } from '../desk.ts';
import { EXIT } from '../exit.ts';
import { checkLines, redChecks } from '../format/check-lines.ts';
import { jsonOption, planFrom, planOption, type PlanOptions } from '../options.ts';
import { untilDone } from '../until-done.ts';

export function addPreflight(program: Command, desk: Desk): void {
  program
    .command('preflight')
    .description('runs the named checks against the plan without starting anything')
    .addOption(planOption())
    .addOption(jsonOption())
    .action(async (options: PlanOptions & { json?: true }) => {
      const plan = await planFrom(options, desk);
      const { checks } = await withMigrations(desk, (migrations) =>
        untilDone(migrations.preflight(plan), desk, 'no answer yet: does a worker run (jday worker)?'),
      );
      if (options.json) desk.out(JSON.stringify({ checks }));
      else for (const line of checkLines(checks)) desk.out(line);
      desk.end(redChecks(checks).length > 0 ? EXIT.red : EXIT.fine);
    });
}
