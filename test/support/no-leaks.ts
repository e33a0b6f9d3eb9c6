/** Fails the run when a process that a test started still lives after it. The mark is inherited through the environment. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const MARK = 'JDAY_TEST_RUN';
const GRACE_MS = 2_000;

export function setup(): () => Promise<void> {
  const run = randomUUID();
  process.env[MARK] = run;
  return async () => {
    const deadline = performance.now() + GRACE_MS;
    let left = leftovers(run);
    while (left.length > 0 && performance.now() < deadline) {
      await delay(50);
      left = leftovers(run);
    }
    if (left.length === 0) return;
    process.exitCode = 1;
    console.error(`\nThe tests left processes behind:\n${left.join('\n')}`);
  };
}

/** Lines `pid command`; the runner's own workers are not ours. Only where there is a /proc. */
function leftovers(run: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/environ`).includes(`${MARK}=${run}`))
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
    .filter((line) => !/node_modules\/vitest\//.test(line));
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
