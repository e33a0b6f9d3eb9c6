import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** One entry of a folder. `sha256` of a link is the hash of the path that it points to; of a folder it is empty. */
export type FolderEntry = {
  readonly kind: 'file' | 'folder' | 'link';
  readonly bytes: number;
  readonly sha256: string;
};
/** The entries of a folder by their path, which is relative to the folder. */
export type FolderManifest = ReadonlyMap<string, FolderEntry>;

/**
 * Hashes a folder and everything below it. Links are listed but not followed, because a model folder may link into
 * itself.
 *
 * @throws FolderUnreadable when the folder is missing, cannot be read, or holds a socket, pipe or device
 */
export async function folderManifest(folder: string, signal?: AbortSignal): Promise<FolderManifest> {
  const manifest = new Map<string, FolderEntry>();
  try {
    await collect(folder, '', manifest, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FolderUnreadable) throw error;
    throw new FolderUnreadable(folder, problemOf(error));
  }
  return manifest;
}

/** Returns the paths that only one manifest has, or that differ. */
export function differences(one: FolderManifest, other: FolderManifest): string[] {
  const paths = new Set([...one.keys(), ...other.keys()]);
  return [...paths].filter((path) => {
    const [here, there] = [one.get(path), other.get(path)];
    return here?.kind !== there?.kind || here?.sha256 !== there?.sha256;
  });
}

/** Returns number and total bytes of the files. Folders and links are not counted. */
export function sizeOf(manifest: FolderManifest): { files: number; bytes: number } {
  const files = [...manifest.values()].filter((entry) => entry.kind === 'file');
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

/** A folder cannot be read, or does not hold what it should. The message names the folder and the problem. */
export class FolderUnreadable extends Error {
  override readonly name = 'FolderUnreadable';
  constructor(folder: string, problem: string) {
    super(`folder ${folder} ${problem}`);
  }
}

async function collect(
  folder: string,
  below: string,
  manifest: Map<string, FolderEntry>,
  signal?: AbortSignal,
): Promise<void> {
  const names = (await readdir(join(folder, below))).sort();
  for (const name of names) {
    signal?.throwIfAborted();
    const path = below === '' ? name : `${below}/${name}`;
    manifest.set(path, await entryOf(folder, path, signal));
    if (manifest.get(path)?.kind === 'folder') await collect(folder, path, manifest, signal);
  }
}

async function entryOf(folder: string, path: string, signal?: AbortSignal): Promise<FolderEntry> {
  const file = join(folder, path);
  const found = await lstat(file);
  if (found.isDirectory()) return { kind: 'folder', bytes: 0, sha256: '' };
  if (found.isSymbolicLink()) {
    const points = createHash('sha256')
      .update(await readlink(file))
      .digest('hex');
    return { kind: 'link', bytes: 0, sha256: points };
  }
  if (!found.isFile())
    throw new FolderUnreadable(folder, 'holds a socket, pipe or device, which no archive keeps');
  return { kind: 'file', bytes: found.size, sha256: await sha256Of(file, signal) };
}

/** Returns the SHA-256 of a file as hex digits. */
export async function sha256Of(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest('hex');
}

function problemOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT') return 'does not exist, or an entry went away while it was read';
  if (code === 'ENOTDIR') return 'is no folder';
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read: permission denied';
  return `cannot be read (${code || 'unknown reason'})`;
}
