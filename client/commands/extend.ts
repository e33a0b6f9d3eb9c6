import { type Command, InvalidArgumentError } from 'commander';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

export function addExtend(program: Command, desk: Desk): void {
  program
    .command('extend')
    .description('makes the rollback window longer')
    .argument('<days>', 'days of the plan', parseDays)
    .addOption(idOption())
    .addOption(planOption())
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async (days: number, options: UpdateOptions & { by: string }) => {
      const { extendWindowUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, extendWindowUpdate, { days, by: options.by });
    });
}

function parseDays(text: string): number {
  const days = Number(text.replace(/d$/, ''));
  if (Number.isFinite(days) && days > 0) return days;
  throw new InvalidArgumentError(`Expected a number of days above zero, found "${text}".`);
}
