import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption, waitOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

export function addComplete(program: Command, desk: Desk): void {
  program
    .command('complete')
    .description('ends the rollback window and the migration')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(reasonOption())
    .addOption(byOption(desk))
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(async (options: UpdateOptions & { by: string; reason: string }) => {
      const { completeUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, completeUpdate, { by: options.by, reason: options.reason });
    });
}
