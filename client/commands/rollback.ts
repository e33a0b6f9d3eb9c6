import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption, waitOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

export function addRollback(program: Command, desk: Desk): void {
  program
    .command('rollback')
    .description('makes V1 serve again after the cutover, without loss')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(reasonOption())
    .addOption(byOption(desk))
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(async (options: UpdateOptions & { by: string; reason: string }) => {
      const { rollbackUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, rollbackUpdate, { by: options.by, reason: options.reason });
    });
}
