import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { workflowBundle } from '../../workers/workflow-bundle.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const folder = makeTempDir();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
  ['cut short', (path: string) => truncateSync(path, 1_000)],
  ['changed', (path: string) => writeFileSync(path, `${readFileSync(path, 'utf8')}// one more line\n`)],
])('is made anew where the kept one was %s', async (_what, harm) => {
  const { code } = await workflowBundle(folder);
  harm(kept()[0]!);
  expect((await workflowBundle(folder)).code).toBe(code);
  expect(readFileSync(kept()[0]!, 'utf8')).toContain(code);
});

it('what a killed worker left unfinished goes, and what a living one writes stays', async () => {
  const [path = ''] = kept();
  rmSync(path);
  const killed = spawnSync('true').pid;
  for (const pid of [killed, process.ppid]) writeFileSync(`${path}.${pid}`, 'half');
  await workflowBundle(folder);
  expect(kept().sort()).toEqual([path, `${path}.${process.ppid}`]);
});

it('is made each time where nothing can be kept', async () => {
  const file = join(folder, 'a file');
  writeFileSync(file, '');
  expect((await workflowBundle(join(file, 'folder'))).code).toContain('migration');
});
