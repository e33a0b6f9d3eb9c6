import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Allowance, Refusal } from '../domain/plan/allowance.ts';
import type { Plan } from '../domain/plan/plan.ts';

/**
 * Returns the folders of a plan that lie outside those that this worker allows. Without this check whoever may start a
 * workflow could read any file of the worker into a backup, and write over any other.
 */
export async function folderRefusals(
  { backup, files }: Pick<Plan, 'backup' | 'files'>,
  { writable, readable }: Pick<Allowance, 'writable' | 'readable'>,
): Promise<readonly Refusal[]> {
  const asked: Promise<readonly Refusal[]>[] = [
    refusalOf('backup.directory', backup.directory, writable, '--allow-write'),
  ];
  for (const [i, { from, to = '' }] of files.entries()) {
    if (from !== '') asked.push(refusalOf(`files[${i}].from`, from, readable, '--allow-read'));
    if (to !== '') asked.push(refusalOf(`files[${i}].to`, to, writable, '--allow-write'));
  }
  return (await Promise.all(asked)).flat();
}

async function refusalOf(
  field: string,
  folder: string,
  roots: readonly string[],
  option: '--allow-read' | '--allow-write',
): Promise<readonly Refusal[]> {
  const real = await realPlace(folder);
  const inside = await Promise.all(roots.map(async (root) => isWithin(real, await realPlace(root))));
  if (inside.includes(true)) return [];
  return [
    {
      field,
      part: 'folders',
      problem: `names the folder ${JSON.stringify(folder)}, which this worker does not let a plan ${option === '--allow-read' ? 'read' : 'write'}`,
      remedy: `start each worker with ${option} and that folder, or name another one`,
    },
  ];
}

function isWithin(path: string, root: string): boolean {
  const from = relative(root, path);
  return from !== '..' && !from.startsWith(`..${sep}`) && resolve(root, from) === path;
}

/**
 * Returns the place that a path really leads to, with every link in it followed. What is missing at its end is made when
 * it is needed, so it counts as it stands.
 */
async function realPlace(path: string): Promise<string> {
  const whole = resolve(path);
  try {
    return await realpath(whole);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing || dirname(whole) === whole) return whole;
    return join(await realPlace(dirname(whole)), basename(whole));
  }
}
