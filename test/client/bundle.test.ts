import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { bundledEntry } from '../../client/bundle.mjs';
import { jdayProcess } from '../support/processes/jday.ts';
import { withTempDir } from '../support/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const dir = withTempDir();

describe('a bundle', () => {
  const place = () => join(dir.path, 'bundles');
  const entry = join(ROOT, 'domain', 'plan', 'duration.ts');
  const bundled = async () => (await bundledEntry(entry, place())) ?? 'none';

  test('is made once, and read the next time', async () => {
    const path = await bundled();
    const { mtimeMs } = statSync(path);
    expect(await bundled()).toBe(path);
    expect(statSync(path).mtimeMs).toBe(mtimeMs);
    expect(readdirSync(place())).toEqual([basename(dirname(path))]);
  });

  test.each([
    ['cut short', (path: string) => truncateSync(path, statSync(path).size - 1)],
    ['changed', (path: string) => writeFileSync(path, 'process.exit(9);\n')],
    ['gone', (path: string) => rmSync(path)],
  ])('is made anew where a file of it is %s', async (_what, harm) => {
    const path = await bundled();
    const whole = readFileSync(path, 'utf8');
    harm(path);
    expect(await bundled()).toBe(path);
    expect(readFileSync(path, 'utf8')).toBe(whole);
    expect(readdirSync(place())).toEqual([basename(dirname(path))]);
  });

  test('is none where nothing can be kept', async () => {
    const file = join(dir.path, 'a file');
    writeFileSync(file, '');
    expect(await bundledEntry(entry, join(file, 'folder'))).toBeNull();
  });
});

describe('a command', () => {
  const copy = () => join(dir.path, 'copy');
  const cache = () => join(copy(), 'node_modules', '.cache');
  const made = () => readdirSync(join(cache(), 'jday'));
  const run = (args: readonly string[], env = {}) =>
    jdayProcess(args, { program: join(copy(), 'client', 'jday.mjs'), env });

  /** A copy of the sources, with the packages of this folder and no bundle. */
  beforeAll(() => {
    const packages = join(copy(), 'node_modules');
    mkdirSync(packages, { recursive: true });
    for (const name of readdirSync(join(ROOT, 'node_modules')))
      if (name !== '.cache') symlinkSync(join(ROOT, 'node_modules', name), join(packages, name));
    for (const name of readdirSync(ROOT))
      if (!/^(\.|node_modules$|test$|docs$|bench$)/.test(name))
        cpSync(join(ROOT, name), join(copy(), name), { recursive: true });
  });

  test('starts from one bundle, even when several starts make it at once', async () => {
    const all = await Promise.all([run(['--help']), run(['--help']), run(['--help'])]);
    for (const one of all) expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(made()).toHaveLength(1);
  });

  test('whose source has changed runs the new source', async () => {
    const main = join(copy(), 'client', 'main.ts');
    writeFileSync(main, readFileSync(main, 'utf8').replace('Moves live', 'Carries live'));
    expect((await run(['--help'])).stdout).toContain('Carries live');
    expect(made()).toHaveLength(2);
  });

  test('names its sources in a stack trace', async () => {
    const { stderr } = await run(['plan', '--plan', join(copy(), 'nowhere.yaml')], { JDAY_DEBUG: '1' });
    expect(stderr).toMatch(/ at .*\/client\/\S+\.ts:\d+:\d+/);
    expect(stderr).not.toContain('.cache');
  });

  test('runs from its sources where no bundle can be kept', async () => {
    rmSync(cache(), { recursive: true });
    writeFileSync(cache(), 'a file, and no folder');
    const { code, stdout, stderr } = await run(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Carries live');
  });
});
