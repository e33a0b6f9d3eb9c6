import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

export function addResume(program: Command, desk: Desk): void {
  program
    .command('resume')
    .description('ends a pause, or tries again what waits for an operator')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async (options: UpdateOptions & { by: string }) => {
      const { resumeUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, resumeUpdate, { by: options.by });
    });
}
