import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * `manifest.json` of a backup: what it holds and how it was proven. No URL, user, password or key (L12); file names
 * of the model folders are kept, they are what a restore asks for.
 */
export const BACKUP_MANIFEST = z.object({
  version: z.literal(1),
  id: z.string(),
  migration: z.string(),
  label: z.string(),
  /** ISO, UTC: the RDBs hold what stood there after this instant. */
  takenAt: z.string(),
  /** False while it is being taken; true only after restore and comparison (L10). */
  proven: z.boolean(),
  durationMs: z.number(),
  stores: z.array(
    z.object({
      name: z.string(),
      side: z.enum(['source', 'target']),
      /** Of a cluster there is an entry for each master: its name there, and the slots whose keys the RDB holds. */
      node: z.object({ id: z.string(), slots: z.string() }).optional(),
      /** Number of the database in the RDB, which holds all of its server. */
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

/** The manifest of a backup folder; `null` when there is none that can be read. */
export async function readManifest(folder: string): Promise<BackupManifest | null> {
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return BACKUP_MANIFEST.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
