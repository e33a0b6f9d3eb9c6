import { isAbsolute } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { ALLOWED_VARIABLES, variablePatternProblem } from '../domain/plan/allowance.ts';
import type { VerbContext } from './verb-context.ts';

/**
 * The options by which the operator of a worker says what a plan may name. Each takes a list with commas, may be given
 * several times, and replaces its default.
 */
export const allowEnvOption = () =>
  listOption(
    '--allow-env <names>',
    'environment variables that a plan may name, with * for any text',
    ALLOWED_VARIABLES,
    (pattern) => {
      const problem = variablePatternProblem(pattern);
      if (problem !== null) throw new InvalidArgumentError(`Expected ${problem}, found "${pattern}".`);
    },
  ).env('JDAY_ALLOW_ENV');

export const allowCommandOption = () =>
  listOption('--allow-command <paths>', 'programs that `traffic` of a plan may run', [], (path) => {
    if (!isAbsolute(path)) throw new InvalidArgumentError(`Expected an absolute path, found "${path}".`);
  }).env('JDAY_ALLOW_COMMAND');

export const allowWriteOption = ({ environment }: Pick<VerbContext, 'environment'>) =>
  listOption('--allow-write <folders>', 'folders that backups and copies of files may be written below', [
    environment.BACKUP_DIR || './backups',
  ]).env('JDAY_ALLOW_WRITE');

export const allowReadOption = ({ environment }: Pick<VerbContext, 'environment'>) =>
  listOption(
    '--allow-read <folders>',
    'folders that files of a plan may be read below',
    environment.NEXTEN_MODELS ? [environment.NEXTEN_MODELS] : [],
  ).env('JDAY_ALLOW_READ');

function listOption(
  flags: string,
  description: string,
  byDefault: readonly string[],
  check: (entry: string) => void = () => undefined,
): Option {
  const given: string[] = [];
  return new Option(flags, description)
    .default(byDefault, byDefault.join(',') || 'none')
    .argParser((text) => {
      const entries = text.split(',').map((entry) => entry.trim());
      for (const entry of entries.filter((one) => one !== '')) {
        check(entry);
        given.push(entry);
      }
      return given;
    });
}
