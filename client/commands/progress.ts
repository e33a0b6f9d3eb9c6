import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type Desk, withMigrations } from '../desk.ts';
import { progressLines } from '../format/progress-lines.ts';
import { progressWatch } from '../format/progress-watch.ts';
import type { Migrations, Seen } from '../migrations.ts';
import { idOption, jsonOption, planOption } from '../options.ts';
import { whichMigration, type WhichOptions } from '../which.ts';

const LOOK_EVERY_MS = 1_000;

export function addProgress(program: Command, desk: Desk): void {
  program
    .command('progress')
    .description('where the migration stands, who serves, and what the way back would cost')
    .addOption(idOption())
    .addOption(planOption())
    .option('--watch', 'look again each second until the migration has ended')
    .addOption(jsonOption())
    .action(async (options: WhichOptions & { watch?: true; json?: true }) =>
      withMigrations(desk, async (migrations) => {
        const workflowId = await whichMigration(options, migrations, desk);
        const show = options.json ? jsonOf(desk) : options.watch ? progressWatch(desk) : linesOf(desk);
        if (options.watch) await watch(migrations, workflowId, show);
        else show(await migrations.progress(workflowId));
      }),
    );
}

async function watch(migrations: Migrations, workflowId: string, show: (seen: Seen) => void): Promise<void> {
  for (;;) {
    const seen = await migrations.progress(workflowId);
    show(seen);
    if (seen.progress.phase === 'ended') return;
    await delay(LOOK_EVERY_MS);
  }
}

function linesOf(desk: Desk) {
  return (seen: Seen) => {
    for (const line of progressLines(seen)) desk.out(line);
  };
}

function jsonOf(desk: Desk) {
  return ({ progress, byWorker }: Seen) => {
    if (!byWorker) desk.note(progress.waitingFor.why);
    desk.out(JSON.stringify(progress));
  };
}
