import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { withTempDir } from '../support/temp-dir.ts';

const dir = withTempDir();

/** A file that starts servers, and takes some seconds. */
const FILE = 'test/redis/replication/throttle.test.ts';

/** The processes that were started with the folder as their `TMPDIR`, or that work in it. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      return (
        environment.includes(`TMPDIR=${folder}`) || readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`)
      );
    } catch {
      return false; // It has ended, or belongs to somebody else.
    }
  });
}

it('a run that is told to end leaves neither a process nor a folder behind', async () => {
  const { JDAY_TEST_RESULTS: _, JDAY_PROOF_RESULTS: __, ...rest } = process.env;
  const run = spawn(process.execPath, [join('node_modules', 'vitest', 'vitest.mjs'), 'run', FILE], {
    env: { ...rest, TMPDIR: dir.path },
    stdio: 'ignore',
  });
  const exited = once(run, 'exit');
  // vitest, its worker, and the servers of the file
  await eventually('servers at work', () => processesOf(dir.path).length > 3);
  run.kill('SIGTERM');
  await exited;
  await eventually('the end of all', () => processesOf(dir.path).length === 0);
  expect(readdirSync(dir.path).filter((name) => name.startsWith('jday-test-'))).toEqual([]);
});
