import { randomUUID } from 'node:crypto';
import { copyFile, lstat, mkdir, open, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type FolderEntry,
  type FolderManifest,
  FolderUnreadable,
  folderManifest,
  sizeOf,
} from './folder-manifest.ts';

const ATTEMPTS = 3;

/**
 * Copies a folder into another one, by its manifest. Each file is written under a temporary name, fsynced and
 * renamed, so a reader sees either the old file or the new one. Other files in the target folder stay, because we
 * delete only what we wrote. A second run copies only what differs.
 *
 * @param from empty = the plan names no folder, and there is nothing to do
 * @returns number and total bytes of the files that the target folder now has from `from`
 * @throws FolderUnreadable when `from` is missing or keeps changing, or `to` holds a link where `from` has a folder
 */
export async function copyFileSet(
  from: string,
  to: string,
  signal?: AbortSignal,
): Promise<{ files: number; bytes: number }> {
  if (from === '') return { files: 0, bytes: 0 };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const wanted = await folderManifest(from, signal);
    await mkdir(to, { recursive: true });
    for (const path of missingFrom(await folderManifest(to, signal), wanted)) {
      signal?.throwIfAborted();
      await place(from, to, path, wanted.get(path)?.kind ?? 'file');
    }
    if (missingFrom(await folderManifest(to, signal), wanted).length === 0) return sizeOf(wanted);
  }
  throw new FolderUnreadable(from, 'keeps changing while it is copied');
}

/** Returns the paths of `wanted`, parents first, that are missing or different in `there`. */
function missingFrom(there: FolderManifest, wanted: FolderManifest): string[] {
  return [...wanted].filter(([path, entry]) => !sameEntry(there.get(path), entry)).map(([path]) => path);
}

function sameEntry(one: FolderEntry | undefined, other: FolderEntry): boolean {
  return one?.kind === other.kind && one.sha256 === other.sha256;
}

async function place(from: string, to: string, path: string, kind: FolderEntry['kind']): Promise<void> {
  const target = join(to, path);
  if (kind === 'folder') {
    await mkdir(target, { recursive: true });
    // Files below a link would be written wherever it leads to.
    if ((await lstat(target)).isSymbolicLink())
      throw new FolderUnreadable(to, 'holds a link where the files have a folder');
    return;
  }
  const temporary = join(dirname(target), `.jday-${randomUUID()}`);
  try {
    if (kind === 'link') await symlink(await readlink(join(from, path)), temporary);
    else await copyDurably(join(from, path), temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    // The entry disappeared after the manifest was taken. The next attempt reads a new manifest.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
