import { type Command, InvalidArgumentError, Option } from 'commander';
import { boundProblem, BOUNDS, RESUME_WORDS, type ResumeWord } from '../../domain/run/message-input.ts';
import type { Side } from '../../domain/plan/plan.ts';
import type { VerbContext } from '../verb-context.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';
import type { Throttle } from '../../domain/plan/throttle.ts';

type ResumeOptions = UpdateOptions & {
  readonly by: string;
  readonly reason?: string;
  readonly accept?: ResumeWord;
  readonly link?: string;
  readonly side?: Side;
};

export function addResume(program: Command, desk: VerbContext): void {
  program
    .command('resume')
    .description('ends a pause, tries again what waits for an operator, or decides on a suspect side')
    .addOption(idOption())
    .addOption(planOption())
    .addOption(
      new Option(
        '--accept <word>',
        'absence: the suspect side is right; restore: the other side is; record: the stores are, of who serves',
      ).choices(RESUME_WORDS),
    )
    .addOption(new Option('--link <name>', 'of which source, where several sides are suspect'))
    .addOption(new Option('--side <side>', 'which side of it').choices(['source', 'target']))
    .addOption(reasonOption().makeOptionMandatory(false))
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async ({ by, reason, accept, link, side, ...options }: ResumeOptions) => {
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

type ConfigureOptions = UpdateOptions & { readonly by: string } & Partial<Throttle>;

const ABOUT: Readonly<Record<keyof Throttle, string>> = {
  copyKeysPerSecond: 'keys that the copy looks at, per link; 0: no limit',
  copyBytesPerSecond: 'bytes that the copy moves, per link; 0: no limit',
  verifyKeysPerSecond: 'keys that verification looks at, per link; 0: no limit',
  verifyBytesPerSecond: 'bytes that verification reads, per link; 0: no limit',
  batchMs: 'server time of one call of the sync, ms',
};

export function addConfigure(program: Command, desk: VerbContext): void {
  const command = program
    .command('configure')
    .description('changes the bounds of our own work while it runs')
    .addOption(idOption())
    .addOption(planOption());
  for (const name of BOUNDS) command.addOption(boundOption(name));
  command
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async (options: ConfigureOptions) => {
      const bounds = BOUNDS.filter((name) => options[name] !== undefined);
      if (bounds.length === 0)
        command.error(`error: expected at least one of ${BOUNDS.map(flagOf).join(', ')}`);
      const { configureUpdate } = await import('../../workflows/messages.ts');
      const asked = Object.fromEntries(bounds.map((name) => [name, options[name]]));
      await sendUpdate(desk, options, configureUpdate, { ...asked, by: options.by });
    });
}

function boundOption(name: keyof Throttle): Option {
  return new Option(`${flagOf(name)} <number>`, ABOUT[name]).argParser((text) => {
    const value = Number(text);
    const problem = boundProblem(name, text.trim() === '' ? text : value);
    if (problem) throw new InvalidArgumentError(`Expected ${problem}, found "${text}".`);
    return value;
  });
}

/** `copyKeysPerSecond` → `--copy-keys-per-second`. */
function flagOf(name: keyof Throttle): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
