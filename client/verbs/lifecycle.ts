import type { Command } from 'commander';
import { type VerbContext, withMigrations } from '../verb-context.ts';
import {
  autoApproveOption,
  dayOption,
  jsonOption,
  planFrom,
  planOption,
  type PlanOptions,
  reasonedVerb,
  waitOption,
} from '../options.ts';
import { EXIT } from '../exit.ts';
import { checkLines, redChecks } from '../output.ts';
import { untilDone, waitAndReport } from '../run-outcome.ts';
import { whichMigration, type WhichOptions } from '../update.ts';

export function addPlan(program: Command, desk: VerbContext): void {
  program
    .command('plan')
    .description('checks a plan file; with --json prints the input of the workflow type migration')
    .addOption(planOption())
    .addOption(dayOption())
    .addOption(autoApproveOption())
    .addOption(jsonOption())
    .action(async (options: PlanOptions & { json?: true }) => {
      const plan = await planFrom(options, desk);
      if (options.json) return desk.out(JSON.stringify(plan));
      const stores = plan.stores.map((store) => `${store.name} (${store.side})`).join(', ');
      desk.out(`${plan.migration}: good, ${plan.mode}`);
      desk.out(`  stores    ${stores}`);
      desk.out(`  datasets  ${plan.datasets.map((dataset) => dataset.name).join(', ')}`);
    });
}

export function addPreflight(program: Command, desk: VerbContext): void {
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

export function addStart(program: Command, desk: VerbContext): void {
  program
    .command('start')
    .description('starts the migration of the plan')
    .addOption(planOption())
    .addOption(dayOption())
    .addOption(autoApproveOption())
    .option(
      '--take-over <claim>',
      'takes over a claim of which a refused start has told: its run is gone for good',
    )
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(async (options: PlanOptions & { takeOver?: string; wait?: true; json?: true }) => {
      const plan = await planFrom(options, desk);
      await withMigrations(desk, async (migrations) => {
        const started = await migrations.start(plan, options.takeOver);
        if (options.json) desk.out(JSON.stringify({ migration: plan.migration, ...started }));
        else
          desk.out(`started ${started.workflowId}; jday progress --watch shows it, jday abort takes it back`);
        if (options.wait) await waitAndReport(migrations, started.workflowId, options.json === true, desk);
      });
    });
}

type AbortOptions = WhichOptions & { by: string; reason: string; wait?: true; json?: true };

export function addAbort(program: Command, desk: VerbContext): void {
  const description = 'makes V1 serve again and takes back what was done; at any moment, nothing is lost';
  reasonedVerb(program, desk, 'abort', description)
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(async (options: AbortOptions) =>
      withMigrations(desk, async (migrations) => {
        const workflowId = await whichMigration(options, migrations, desk);
        await migrations.abort(workflowId, { reason: options.reason, by: options.by });
        if (options.json) desk.out(JSON.stringify({ workflowId, aborting: true }));
        else desk.out(`${workflowId} is going back; jday progress --watch shows it`);
        if (options.wait) await waitAndReport(migrations, workflowId, options.json === true, desk);
      }),
    );
}
