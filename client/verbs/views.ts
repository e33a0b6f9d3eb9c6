import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type VerbContext, withMigrations } from '../verb-context.ts';
import { progressLines, progressWatch, reportLines } from '../output.ts';
import type { Migrations } from '../migrations.ts';
import type { SeenProgress } from '../told-progress.ts';
import { idOption, jsonOption, planOption } from '../options.ts';
import { whichMigration, type WhichOptions } from '../update.ts';
import { EXIT, VerbFailed } from '../exit.ts';

const LOOK_EVERY_MS = 1_000;

export function addProgress(program: Command, desk: VerbContext): void {
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
        const show = options.json ? jsonOf(desk) : options.watch ? watchOn(desk) : linesOf(desk);
        if (options.watch) await watch(migrations, workflowId, show);
        else show(await migrations.progress(workflowId));
      }),
    );
}

async function watch(
  migrations: Migrations,
  workflowId: string,
  show: (seen: SeenProgress) => void,
): Promise<void> {
  for (;;) {
    const seen = await migrations.progress(workflowId);
    show(seen);
    if (seen.progress.phase === 'ended') return;
    await delay(LOOK_EVERY_MS);
  }
}

/** For a program that reads stdout, the lines are the answer. On a screen they are one line that changes. */
function watchOn(desk: VerbContext) {
  return progressWatch(desk.piped ? { ...desk, interactive: false, repaint: desk.out } : desk);
}

function linesOf(desk: VerbContext) {
  return (seen: SeenProgress) => {
    for (const line of progressLines(seen)) desk.out(line);
  };
}

function jsonOf(desk: VerbContext) {
  return ({ progress, silence }: SeenProgress) => {
    if (silence !== null) desk.note(silence);
    desk.out(JSON.stringify(progress));
  };
}

export function addReport(program: Command, desk: VerbContext): void {
  program
    .command('report')
    .description('the report of a migration that has ended')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(jsonOption())
    .action(async (options: WhichOptions & { json?: true }) =>
      withMigrations(desk, async (migrations) => {
        const workflowId = await whichMigration(options, migrations, desk);
        if (await migrations.isRunning(workflowId)) {
          throw new VerbFailed(EXIT.refused, `${workflowId} has not ended yet. Legal now: progress, abort.`);
        }
        const report = await migrations.report(workflowId);
        if (options.json) return desk.out(JSON.stringify(report));
        for (const line of reportLines(report)) desk.out(line);
      }),
    );
}
