import { type Command, Option } from 'commander';
import type { Side } from '../../domain/side.ts';
import { type Acceptance, ACCEPTANCES } from '../../domain/suspicion.ts';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

type Options = UpdateOptions & {
  readonly by: string;
  readonly reason?: string;
  readonly accept?: Acceptance;
  readonly link?: string;
  readonly side?: Side;
};

export function addResume(program: Command, desk: Desk): void {
  program
    .command('resume')
    .description('ends a pause, tries again what waits for an operator, or decides on a suspect side')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(
      new Option('--accept <word>', 'absence: the suspect side is right; restore: the other side is').choices(
        ACCEPTANCES,
      ),
    )
    .addOption(new Option('--link <name>', 'of which source, where several sides are suspect'))
    .addOption(new Option('--side <side>', 'which side of it').choices(['source', 'target']))
    .addOption(reasonOption().makeOptionMandatory(false))
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async ({ by, reason, accept, link, side, ...options }: Options) => {
      const { resumeUpdate } = await import('../../workflows/messages.ts');
      const input = {
        by,
        ...(reason && { reason }),
        ...(accept && { accept }),
        ...(link && { link }),
        ...(side && { side }),
      };
      await sendUpdate(desk, options, resumeUpdate, input);
    });
}
