import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { create, extract } from 'tar';
import {
  differences,
  type FolderManifest,
  FolderUnreadable,
  folderManifest,
  sizeOf,
} from './folder-manifest.ts';
import { BackupUnproven } from './unproven.ts';

const ATTEMPTS = 3;

/**
 * `bytes` and `sha256` describe the archive file. `files` is the number of files in it, `manifest` lists its entries.
 */
export type ArchivedFiles = {
  readonly files: number;
  readonly bytes: number;
  readonly sha256: string;
  readonly manifest: FolderManifest;
};

/**
 * Writes a folder that may be in use to `archive` (tar.gz, 0600), and proves the archive by extracting it again. The
 * folder is hashed before and after, because an archive of files that change meanwhile is inconsistent. After a change
 * it is written again, up to three times in all. A file may also change and change back between the two looks. Then the
 * archive differs from both, and is written again too.
 *
 * @param write writes the archive; only a test gives another one
 * @throws FolderUnreadable, BackupUnproven
 */
export async function archiveFolder(
  folder: string,
  archive: string,
  name: string,
  signal: AbortSignal,
  write = writeArchive,
): Promise<ArchivedFiles> {
  for (let attempt = 1; ; attempt++) {
    const before = await folderManifest(folder, signal);
    let failure: unknown = null;
    const written = await write(folder, archive, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      failure = error;
      return null;
    });
    const after = await folderManifest(folder, signal);
    const changed = differences(before, after).length;
    if (written !== null && changed === 0) {
      const wrong = await wrongEntries(archive, before, name, signal);
      if (wrong === 0) return { ...written, files: sizeOf(before).files, manifest: before };
      if (attempt < ATTEMPTS) continue;
      throw new BackupUnproven(name, `${wrong} entries of the archive differ from the folder`);
    }
    // A file that disappears or shrinks while tar reads it is a change like all others, so we try again.
    if (failure !== null && changed === 0 && codeOf(failure) !== 'ENOENT') throw failure;
    if (attempt === ATTEMPTS)
      throw new FolderUnreadable(folder, `keeps changing: ${changed} entries while archived`);
  }
}

/** Writes a folder as tar.gz (0600). Resolves with the size and the digest of the archive. */
export async function writeArchive(
  folder: string,
  archive: string,
  signal: AbortSignal,
): Promise<{ bytes: number; sha256: string }> {
  await rm(archive, { force: true });
  const hash = createHash('sha256');
  let bytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const packed = create({ gzip: true, cwd: folder, strict: true }, ['.']);
  const file = createWriteStream(archive, { flags: 'wx', mode: 0o600, flush: true });
  await pipeline(Readable.from(packed), measure, file, { signal });
  return { bytes, sha256: hash.digest('hex') };
}

/** Extracts the archive and returns how many of its entries differ from those expected. */
async function wrongEntries(
  archive: string,
  expected: FolderManifest,
  name: string,
  signal: AbortSignal,
): Promise<number> {
  const scratch = await mkdtemp(join(dirname(archive), '.scratch-'));
  try {
    await extract({ file: archive, cwd: scratch, strict: true }).catch(() => {
      throw new BackupUnproven(name, 'the archive cannot be extracted');
    });
    return differences(expected, await folderManifest(scratch, signal)).length;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
