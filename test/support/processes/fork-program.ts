import { type ChildProcess, fork, type ForkOptions } from 'node:child_process';
import { join } from 'node:path';

/** The programs of this folder that tests start as processes of their own. */
export const PROGRAMS = [
  'keeper-process',
  'shard-process',
  'sliding-app',
  'switch-process',
  'sync-process',
] as const;

/** Environment variable that names the folder of the bundled programs. */
export const PROGRAMS_FOLDER = 'JDAY_TEST_PROGRAMS';

/** Starts a program. What it says to stdout and stderr stands in the output of the tests. */
export function forkProgram(name: (typeof PROGRAMS)[number], options: ForkOptions = {}): ChildProcess {
  const folder = process.env[PROGRAMS_FOLDER];
  if (folder === undefined) throw new Error('the programs are bundled only while vitest runs');
  return fork(join(folder, `${name}.mjs`), {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...options,
  });
}
