import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, open, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type Entry,
  type FolderManifest,
  FolderUnreadable,
  folderManifest,
  sizeOf,
} from './folder-manifest.ts';

const ATTEMPTS = 3;

/**
 * Copies a folder by manifest into another, each file under a temporary name, fsynced, then renamed: a reader sees the
 * old file or the new one. What else stands there stays (L6). Running it again copies what differs only.
 *
 * @param from empty = the plan names no folder: nothing to do
 * @returns files and bytes that now stand there
 * @throws FolderUnreadable when `from` is missing or keeps changing
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

/** Paths of `wanted`, parents first, that do not stand in `there` as they should. */
function missingFrom(there: FolderManifest, wanted: FolderManifest): string[] {
  return [...wanted].filter(([path, entry]) => !sameEntry(there.get(path), entry)).map(([path]) => path);
}

function sameEntry(one: Entry | undefined, other: Entry): boolean {
  return one?.kind === other.kind && one.sha256 === other.sha256;
}

async function place(from: string, to: string, path: string, kind: Entry['kind']): Promise<void> {
  const target = join(to, path);
  if (kind === 'folder') {
    await mkdir(target, { recursive: true });
    return;
  }
  const temporary = join(dirname(target), `.jday-${randomUUID()}`);
  try {
    if (kind === 'link') await symlink(await readlink(join(from, path)), temporary);
    else await copyDurably(join(from, path), temporary);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    // Gone since the manifest was taken: the next attempt sees it.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}

async function copyDurably(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const handle = await open(to, 'r');
  await handle.sync().finally(() => handle.close());
}
