import { type Command, InvalidArgumentError, Option } from 'commander';
import { BOUNDS, boundProblem } from '../../domain/bounds-input.ts';
import type { Throttle } from '../../domain/throttle.ts';
import type { Desk } from '../desk.ts';
import { byOption, idOption, jsonOption, planOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';

type Options = UpdateOptions & { readonly by: string } & Partial<Throttle>;

const ABOUT: Readonly<Record<keyof Throttle, string>> = {
  copyKeysPerSecond: 'keys that the copy looks at, per link; 0: no limit',
  copyBytesPerSecond: 'bytes that the copy moves, per link; 0: no limit',
  verifyKeysPerSecond: 'keys that verification looks at, per link; 0: no limit',
  verifyBytesPerSecond: 'bytes that verification reads, per link; 0: no limit',
  batchMs: 'server time of one call of the sync, ms',
};

export function addConfigure(program: Command, desk: Desk): void {
  const command = program
    .command('configure')
    .description('changes the bounds of our own work while it runs')
    .addOption(idOption())
    .addOption(planOption());
  for (const name of BOUNDS) command.addOption(boundOption(name));
  command
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async (options: Options) => {
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
