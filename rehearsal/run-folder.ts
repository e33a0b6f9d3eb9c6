import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'rehearsal-';

/** A folder of this run's own under `home`; folders of runs whose process is gone are removed. */
export function openRunFolder(home: string): string {
  mkdirSync(home, { recursive: true });
  for (const name of readdirSync(home)) {
    if (name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length).split('-')[0])))
      rmSync(join(home, name), { recursive: true, force: true });
  }
  const folder = join(home, `${PREFIX}${process.pid}-${Date.now()}`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
