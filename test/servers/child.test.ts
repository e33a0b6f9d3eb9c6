import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { becomeReady, startChild } from '../../servers/child.ts';
import { eventually } from '../support/eventually.ts';
import { withTempDir } from '../support/temp-dir.ts';

const tmp = withTempDir();
const PARENT = `
  import { startRedis } from './servers/redis-server.ts';
  const server = await startRedis({ dir: process.argv[1] });
  console.log(server.pid);
`;

/** A dead process that nobody has reaped yet still takes signals, but has no command line. */
function isAlive(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) && readFileSync(file).length > 0;
}

it.skipIf(process.platform !== 'linux')('a server dies with a parent that was killed -9 (L8)', async () => {
  const parent = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', PARENT, join(tmp.path, 'redis')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
  const server = Number(line);
  expect(isAlive(server)).toBe(true);
  parent.kill('SIGKILL');
  await eventually('the orphaned server to die', () => !isAlive(server));
});

it('a server that ends while starting is an error with the end of its log', async () => {
  const child = startChild({
    program: '/bin/sh',
    args: ['-c', 'echo no disk left; exit 3'],
    cwd: tmp.path,
    logFile: join(tmp.path, 'sh.log'),
  });
  await expect(becomeReady(child, 'sh', () => false, 5_000)).rejects.toThrow(
    /sh ended while starting; .*\nno disk left/,
  );
});

it('a server that is never ready is stopped at its deadline', async () => {
  const child = startChild({
    program: '/bin/sh',
    args: ['-c', 'exec sleep 60'],
    cwd: tmp.path,
    logFile: join(tmp.path, 'sleep.log'),
  });
  await expect(becomeReady(child, 'sleep', () => false, 100)).rejects.toThrow(/was not ready after 100 ms/);
  expect(child.running()).toBe(false);
});
