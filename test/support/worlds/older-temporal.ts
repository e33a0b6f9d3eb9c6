import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { withMigrationWorld } from './migration-world.ts';

const PARTS = ['temporal.db', 'temporal.db-wal', 'temporal.db-shm'];

/**
 * Copies Temporal's database and puts the copy back, as an operator does. The server is stopped meanwhile and starts
 * again on its port.
 */
export function olderTemporal(world: ReturnType<typeof withMigrationWorld>) {
  const restarted = async (act: (part: string, copy: string) => void) => {
    await world.stopTemporal();
    const dir = join(world.dir.path, 'temporal');
    for (const part of PARTS) act(join(dir, part), join(dir, `copy-${part}`));
    await world.startTemporal();
  };
  return {
    copy: () => restarted((part, copy) => existsSync(part) && copyFileSync(part, copy)),
    putBack: () =>
      restarted((part, copy) => {
        rmSync(part, { force: true });
        if (existsSync(copy)) copyFileSync(copy, part);
      }),
  };
}
