import { mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Plan } from '../../domain/plan/plan.ts';
import { type BackupManifest, MANIFEST_FILE, readManifest } from './manifest.ts';

const PARTIAL = '.partial';

/** The folder of a backup that is being taken. `complete` gives it its final name, when everything in it is proven. */
export type BackupFolder = {
  readonly id: string;
  readonly path: string;
  readonly complete: (manifest: BackupManifest) => Promise<void>;
};

/** Removes what an interrupted backup of this migration left behind, then makes the folder of a new backup (0700). */
export async function beginBackup(plan: Plan, label: string, nowMs: number): Promise<BackupFolder> {
  const { directory } = plan.backup;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await removeInterrupted(directory, plan.migration);
  const id = `${plan.migration}-${label}-${new Date(nowMs).toISOString().replace(/[-:.]/g, '')}`;
  const path = join(directory, `${id}${PARTIAL}`);
  await mkdir(path, { mode: 0o700 });
  await writeManifest(path, emptyManifest(plan.migration, label, id, nowMs));
  return {
    id,
    path,
    complete: async (manifest) => {
      await writeManifest(path, manifest);
      await syncFolder(path);
      await rename(path, join(directory, id));
      await syncFolder(directory);
    },
  };
}

/** Returns the manifests of the complete backups of a migration, oldest first. */
async function completeBackups(directory: string, migration: string): Promise<BackupManifest[]> {
  const folders = (await readdir(directory)).filter((name) => !name.endsWith(PARTIAL));
  const manifests = await Promise.all(folders.map((name) => readManifest(join(directory, name))));
  return manifests
    .filter((manifest) => manifest !== null && manifest.migration === migration)
    .filter((manifest): manifest is BackupManifest => manifest !== null)
    .sort((one, other) => (one.takenAt < other.takenAt ? -1 : 1));
}

/**
 * Removes backups of the migration that were taken before `beforeMs` (ms since the epoch). It never removes the newest
 * proven backup.
 *
 * @returns the ids of the removed backups
 */
export async function removeExpired(
  directory: string,
  migration: string,
  beforeMs: number,
): Promise<string[]> {
  const backups = await completeBackups(directory, migration);
  const newest = backups.filter((backup) => backup.proven).at(-1);
  const expired = backups.filter((backup) => backup !== newest && Date.parse(backup.takenAt) < beforeMs);
  for (const { id } of expired) await rm(join(directory, id), { recursive: true, force: true });
  return expired.map((backup) => backup.id);
}

/**
 * Removes `.partial` folders of this migration. Their manifest is written first and names their migration. Without that
 * check migration `a` would remove the running backup of a migration `a-b`. A folder without a manifest is removed only
 * if it is empty.
 */
async function removeInterrupted(directory: string, migration: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith(PARTIAL) || !name.startsWith(`${migration}-`)) continue;
    const path = join(directory, name);
    const manifest = await readManifest(path);
    if (manifest?.migration === migration) await rm(path, { recursive: true, force: true });
    else if (manifest === null) await rmdir(path).catch(() => undefined);
  }
}

function emptyManifest(migration: string, label: string, id: string, nowMs: number): BackupManifest {
  const takenAt = new Date(nowMs).toISOString();
  return { version: 1, id, migration, label, takenAt, proven: false, durationMs: 0, stores: [], files: [] };
}

async function writeManifest(folder: string, manifest: BackupManifest): Promise<void> {
  await writeDurably(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Syncs a folder to disk. A new or renamed entry survives a power cut only after its folder is synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
