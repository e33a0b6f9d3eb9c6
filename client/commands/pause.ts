import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

export function addPause(program: Command, desk: Desk): void {
  program
    .command('pause')
    .description('stops the order of phases at the next gate; the sync goes on')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(reasonOption())
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async (options: UpdateOptions & { by: string; reason: string }) => {
      const { pauseUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, pauseUpdate, { by: options.by, reason: options.reason });
    });
}
