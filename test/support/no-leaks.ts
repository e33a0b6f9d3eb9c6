/**
 * Fails the run if a process that a test started still lives after the run. Removes the folders that tests have left.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RUN_MARK, tempDirsOf } from './temp-dir.ts';

const GRACE_MS = 2_000;

export function setup(): () => Promise<void> {
  const run = randomUUID();
  process.env[RUN_MARK] = run;
  const endAll = () => {
    // The workers of vitest go first. Otherwise they would start other processes meanwhile.
    for (const line of processesOf(run).filter(isWorker)) kill(Number.parseInt(line, 10));
    for (const line of processesOf(run)) kill(Number.parseInt(line, 10));
    removeFolders(run);
  };
  // A run that is told to end leaves nothing behind either. Vitest then calls no teardown.
  process.prependOnceListener('SIGTERM', endAll);
  process.prependOnceListener('SIGINT', endAll);
  return async () => {
    process.off('SIGTERM', endAll);
    process.off('SIGINT', endAll);
    const deadline = performance.now() + GRACE_MS;
    let left = leftovers(run);
    while (left.length > 0 && performance.now() < deadline) {
      await delay(50);
      left = leftovers(run);
    }
    removeFolders(run);
    if (left.length === 0) return;
    process.exitCode = 1;
    for (const line of left) {
      console.error(`LEFT BEHIND ${line}`);
      kill(Number.parseInt(line, 10));
    }
  };
}

function removeFolders(run: string): void {
  const begin = tempDirsOf(run);
  for (const name of readdirSync(dirname(begin)))
    if (name.startsWith(basename(begin)))
      rmSync(join(dirname(begin), name), { recursive: true, force: true });
}

const isWorker = (line: string) => /node_modules\/vitest\//.test(line);

function leftovers(run: string): string[] {
  return processesOf(run).filter((line) => !isWorker(line));
}

/**
 * Whether a process was started by this run: by its environment, or by its working folder. Redis and Valkey write their
 * title over the environment.
 */
function isOf(run: string, pid: string): boolean {
  return (
    read(`/proc/${pid}/environ`).includes(`${RUN_MARK}=${run}`) || cwdOf(pid).startsWith(tempDirsOf(run))
  );
}

function cwdOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

/** Returns lines `pid command` of the processes of this run. Empty where there is no /proc. */
function processesOf(run: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => isOf(run, pid))
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
