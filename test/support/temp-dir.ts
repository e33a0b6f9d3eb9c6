import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** Environment variable that names the run. Every process that a run of the tests starts has it. */
export const RUN_MARK = 'JDAY_TEST_RUN';

export interface TempDir {
  readonly path: string;
}

/** Gives a test file a folder of its own. It exists while the tests run, and is removed after them. */
export function withTempDir(): TempDir {
  let path: string | undefined;
  beforeAll(() => {
    path = makeTempDir();
  });
  afterAll(() => {
    if (path !== undefined) rmSync(path, { recursive: true, force: true });
  });
  return {
    get path() {
      if (path === undefined) throw new Error('the folder exists only while tests run');
      return path;
    },
  };
}

/** Creates a folder. It is removed at the latest when all tests are over. */
export function makeTempDir(): string {
  return mkdtempSync(tempDirsOf(process.env[RUN_MARK] ?? 'alone'));
}

/** Returns the beginning of the paths of all folders of a run. */
export function tempDirsOf(run: string): string {
  return join(tmpdir(), `jday-test-${run.slice(0, 8)}-`);
}
