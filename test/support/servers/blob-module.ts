import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { makeTempDir } from '../temp-dir.ts';

const SOURCE = fileURLToPath(new URL('./blob-module.c', import.meta.url));

/**
 * Compiles a module for one test file. Its type is unknown to other servers. Returns its path; `null` = there is no C
 * compiler.
 */
export function withBlobModule(): string | null {
  const dir = makeTempDir();
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const module = join(dir, 'blob.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', module, SOURCE], { stdio: 'ignore' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return module;
}
