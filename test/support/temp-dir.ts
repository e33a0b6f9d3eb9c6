import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

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

export function makeTempDir(): string {
  return mkdtempSync(join(tmpdir(), 'jday-test-'));
}
