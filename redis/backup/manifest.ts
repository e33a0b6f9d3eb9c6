import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * `manifest.json` of a backup: its contents and how they were proven. It holds no URL, user, password or key. It holds
 * the file names of the model folders, because a restore needs them.
 */
export const BACKUP_MANIFEST = z.object({
  version: z.literal(1),
  id: z.string(),
  migration: z.string(),
  label: z.string(),
  /** Start of the backup, ISO 8601 in UTC. The RDBs hold the state of a later instant. */
  takenAt: z.string(),
  /** False while the backup is being taken. True only after it was restored and compared. */
  proven: z.boolean(),
  durationMs: z.number(),
  stores: z.array(
    z.object({
      name: z.string(),
      side: z.enum(['source', 'target']),
      /**
       * Only for a cluster, which has one entry for each master: its node id, and the slots whose keys the RDB holds.
       */
      node: z.object({ id: z.string(), slots: z.string() }).optional(),
      /** Number of the store's database in the RDB. The RDB holds all databases of its server. */
      database: z.number(),
      rdb: z.string(),
      bytes: z.number(),
      sha256: z.string(),
      runId: z.string(),
      replicationOffset: z.number(),
      keys: z.number(),
      changedSince: z.number(),
      expiredSince: z.number(),
      datasets: z.array(z.object({ name: z.string(), keys: z.number(), digest: z.string() })),
    }),
  ),
  files: z.array(
    z.object({
      name: z.string(),
      archive: z.string(),
      files: z.number(),
      bytes: z.number(),
      sha256: z.string(),
      entries: z.record(
        z.string(),
        z.object({ kind: z.enum(['file', 'folder', 'link']), bytes: z.number(), sha256: z.string() }),
      ),
    }),
  ),
});

export type BackupManifest = z.infer<typeof BACKUP_MANIFEST>;
export type StoreEntry = BackupManifest['stores'][number];
export type FilesEntry = BackupManifest['files'][number];

export const MANIFEST_FILE = 'manifest.json';

/** Reads the manifest of a backup folder. Returns `null` when there is none or it is invalid. */
export async function readManifest(folder: string): Promise<BackupManifest | null> {
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return BACKUP_MANIFEST.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
