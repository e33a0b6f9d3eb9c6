import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { workflowBundle } from '../../workers/workflow-bundle.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const folder = makeTempDir();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A bundle takes seconds to make. Only the first test makes a real one. */
const CODE = 'a bundle\n';
const made: string[] = [];
const make = () => {
  made.push(CODE);
  return Promise.resolve(CODE);
};
beforeEach(() => {
  made.length = 0;
});

const kept = () => readdirSync(folder).map((name) => join(folder, name));

it('is made once, kept for this user alone, and read the next time', async () => {
  const { code } = await workflowBundle(folder);
  expect(code).toContain('migration');
  const [path, ...more] = kept();
  expect(more).toEqual([]);
  expect(statSync(path!).mode & 0o777).toBe(0o600);
  // The second call reads the kept bundle and does not write it anew.
  const { mtimeMs } = statSync(path!);
  expect((await workflowBundle(folder)).code).toBe(code);
  expect(statSync(path!).mtimeMs).toBe(mtimeMs);
});

it.each([
  ['cut short', (path: string) => truncateSync(path, statSync(path).size - 1)],
  ['changed', (path: string) => writeFileSync(path, `${readFileSync(path, 'utf8')}// one more line\n`)],
])('is made anew where the kept one was %s', async (_what, harm) => {
  rmSync(kept()[0]!);
  await workflowBundle(folder, make);
  harm(kept()[0]!);
  expect(await workflowBundle(folder, make)).toEqual({ code: CODE });
  expect(made).toHaveLength(2);
  expect(readFileSync(kept()[0]!, 'utf8')).toContain(CODE);
});

it('what a killed worker left unfinished goes, and what a living one writes stays', async () => {
  const [path = ''] = kept();
  rmSync(path);
  const killed = spawnSync('true').pid;
  for (const pid of [killed, process.ppid]) writeFileSync(`${path}.${pid}`, 'half');
  await workflowBundle(folder, make);
  expect(kept().sort()).toEqual([path, `${path}.${process.ppid}`]);
});

it('is made each time where nothing can be kept', async () => {
  const file = join(folder, 'a file');
  writeFileSync(file, '');
  for (let i = 0; i < 2; i++)
    expect(await workflowBundle(join(file, 'folder'), make)).toEqual({ code: CODE });
  expect(made).toHaveLength(2);
});
