import type { Command } from 'commander';
import { type Desk, withMigrations } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption, waitOption } from '../options.ts';
import { waitAndReport } from '../the-end.ts';
import { whichMigration, type WhichOptions } from '../which.ts';

type AbortOptions = WhichOptions & { by: string; reason: string; wait?: true; json?: true };

export function addAbort(program: Command, desk: Desk): void {
  program
    .command('abort')
    .description('makes V1 serve again and takes back what was done; at any moment, nothing is lost')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(reasonOption())
    .addOption(byOption(desk))
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
