import type { Command } from 'commander';
import { type Desk, withMigrations } from '../desk.ts';
import { isRunning } from '../ended.ts';
import { EXIT, VerbFailed } from '../exit.ts';
import { reportLines } from '../format/report-lines.ts';
import { idOption, jsonOption, planOption } from '../options.ts';
import { whichMigration, type WhichOptions } from '../which.ts';

export function addReport(program: Command, desk: Desk): void {
  program
    .command('report')
    .description('the report of a migration that has ended')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(jsonOption())
    .action(async (options: WhichOptions & { json?: true }) =>
      withMigrations(desk, async (migrations) => {
        const workflowId = await whichMigration(options, migrations, desk);
        if (isRunning(await migrations.describe(workflowId))) {
          throw new VerbFailed(EXIT.refused, `${workflowId} has not ended yet. Legal now: progress, abort.`);
        }
        const report = await migrations.report(workflowId);
        if (options.json) return desk.out(JSON.stringify(report));
        for (const line of reportLines(report)) desk.out(line);
      }),
    );
}
