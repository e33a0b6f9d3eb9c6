import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FolderUnreadable, folderManifest, sizeOf } from '../../backup/folder-manifest.ts';
import { alert, type CheckFinding, green, red } from '../finding.ts';
import { mb } from './memory.ts';
import { type NamedCheck, refusedAt } from '../world.ts';

const TIMES_THE_DATA = 2;

export const BACKUP_SPACE: NamedCheck = {
  name: 'backup space',
  scope: 'plan',
  looksAt:
    'the backup directory: writable, and with room for twice the stores’ memory (an RDB and its restore)',
  look: async ({ plan, stores, facts }) => {
    const directory = plan.backup.directory;
    if (refusedAt(facts, 'backup').length > 0) return notAllowed('a folder that may be looked at');
    const all = stores.flatMap((store) => store.servers);
    const servers = new Map(all.map(({ info }) => [info('run_id'), Number(info('used_memory'))]));
    const needed = TIMES_THE_DATA * [...servers.values()].reduce((sum, bytes) => sum + bytes, 0);
    const expected = `writable, ≥ ${mb(needed)} free`;
    const remedy = `Make ${directory} a folder that the worker’s user may write, on a disk with that much room (BACKUP_DIR).`;
    const place = await writablePlace(resolve(directory)).catch(() => null);
    if (place === null) return red('cannot be written', expected, remedy);
    const { bavail, bsize } = await statfs(place);
    const found = `${mb(bavail * bsize)} free`;
    return bavail * bsize >= needed ? green(found, expected) : red(found, expected, remedy);
  },
};

export const FILES: NamedCheck = {
  name: 'model files',
  scope: 'plan',
  looksAt: 'the model folders of the plan: named, there, readable, and the place for their copy writable',
  look: async ({ plan, facts }) => {
    const expected = 'every folder named and readable';
    if (plan.files.some((_files, i) => refusedAt(facts, `files[${i}]`).length > 0))
      return notAllowed(expected);
    const unnamed = plan.files.filter(({ from }) => from === '').map(({ name }) => name);
    let [files, bytes] = [0, 0];
    for (const { from, to } of plan.files) {
      if (from === '') continue;
      const problem = await problemOf(from, to);
      if (typeof problem === 'string')
        return red(problem, expected, 'Correct the folder (NEXTEN_MODELS) or its rights.');
      files += problem.files;
      bytes += problem.bytes;
    }
    if (unnamed.length > 0) return forgotten(unnamed, expected);
    return green(`${files} files, ${mb(bytes)}`, expected);
  },
};

/** Not even looked at: the answer would tell whoever wrote the plan what the worker's disk holds. */
function notAllowed(expected: string): CheckFinding {
  return red('not allowed here', expected, 'See the check `allowed here`.');
}

function forgotten(names: readonly string[], expected: string): CheckFinding {
  const remedy = 'Set NEXTEN_MODELS to the folder, if there are models; nothing else saves them.';
  return alert(
    `no folder named for ${names.join(', ')}: these files are neither backed up nor copied`,
    expected,
    remedy,
  );
}

async function problemOf(
  from: string,
  to: string | undefined,
): Promise<string | { files: number; bytes: number }> {
  try {
    const size = sizeOf(await folderManifest(from));
    if (to !== undefined && to !== '') await writablePlace(resolve(to));
    return size;
  } catch (error) {
    if (error instanceof FolderUnreadable) return error.message;
    return 'the place for the copy cannot be written';
  }
}

/**
 * Returns the folder itself, or the nearest folder above it that exists. Missing folders are made when they are needed.
 *
 * @throws Error when it is not a folder or may not be written
 */
async function writablePlace(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  if (found === null && dirname(path) !== path) return writablePlace(dirname(path));
  if (!found?.isDirectory()) throw new Error('no folder');
  await access(path, constants.W_OK | constants.X_OK);
  return path;
}
