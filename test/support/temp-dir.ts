import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** In the environment of everything that a run of the tests starts: which run it is. */
export const RUN_MARK = 'JDAY_TEST_RUN';

export interface TempDir {
  readonly path: string;
}

/** A folder of the test file's own, there in each of its tests and gone after them. */
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

/** Gone at the latest when all tests are over. */
export function makeTempDir(): string {
  return mkdtempSync(tempDirsOf(process.env[RUN_MARK] ?? 'alone'));
}

/** What the paths of a run's folders begin with. */
export function tempDirsOf(run: string): string {
  return join(tmpdir(), `jday-test-${run.slice(0, 8)}-`);
}
