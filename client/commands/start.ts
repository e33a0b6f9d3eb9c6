import type { Command } from 'commander';
import { type Desk, withMigrations } from '../desk.ts';
import {
  autoApproveOption,
  dayOption,
  jsonOption,
  planFrom,
  planOption,
  type PlanOptions,
  waitOption,
} from '../options.ts';
import { waitAndReport } from '../the-end.ts';

export function addStart(program: Command, desk: Desk): void {
  program
    .command('start')
    .description('starts the migration of the plan')
    .addOption(planOption())
    .addOption(dayOption())
    .addOption(autoApproveOption())
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(async (options: PlanOptions & { wait?: true; json?: true }) => {
      const plan = await planFrom(options, desk);
      await withMigrations(desk, async (migrations) => {
        const started = await migrations.start(plan);
        if (options.json) desk.out(JSON.stringify({ migration: plan.migration, ...started }));
        else
          desk.out(`started ${started.workflowId}; jday progress --watch shows it, jday abort takes it back`);
        if (options.wait) await waitAndReport(migrations, started.workflowId, options.json === true, desk);
      });
    });
}
