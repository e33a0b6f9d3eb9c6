import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DAY_MS, type Plan } from '../../domain/plan/plan.ts';
import type { BackupSummary } from '../../domain/run/report.ts';
import type { Environment } from '../client/connection.ts';
import { archiveFolder } from './files.ts';
import { type BackupFolder, beginBackup, removeExpired } from './folders.ts';
import type { BackupManifest, FilesEntry, StoreEntry } from './manifest.ts';
import { type BackupRun, backUpServer, serversToBackUp, withSlotsAtRest } from './server-backup.ts';

/**
 * Backs up every store of the plan and its model files. Each part is proven: it is restored and compared. The backup
 * changes nothing in the stores. Until all parts are proven, it lies in a `.partial` folder. The next backup removes
 * such a folder, so an interrupted backup can simply be taken again.
 *
 * A backup is for disasters only: it grows old, and its expiries are absolute. The way back from a migration is the
 * reverse sync.
 *
 * @param label why the backup is taken; part of its id
 * @throws BackupUnproven, BackupDirectoryUnusable, StoreUnreachable, FolderUnreadable, ClusterChanged
 */
export async function takeBackup(
  plan: Plan,
  label: string,
  environment: Environment,
  signal: AbortSignal,
  report: (text: string) => void = () => {},
): Promise<BackupSummary> {
  const startedMs = Date.now();
  const began = performance.now();
  try {
    const folder = await beginBackup(plan, label, startedMs);
    const run = { plan, environment, folder: folder.path, signal, report };
    const stores = (await withSlotsAtRest(plan, environment, () => backUpStores(run))).sort(byName);
    const files = await backUpFiles(run);
    const summary = {
      id: folder.id,
      stores,
      files,
      proven: true,
      durationMs: Math.round(performance.now() - began),
    };
    await keep(folder, plan, label, startedMs, summary);
    return toSummary(summary);
  } catch (error) {
    signal.throwIfAborted();
    throw directoryProblem(error) ?? error;
  }
}

/** The backup directory cannot take the backup. An operator must make room or grant rights. */
export class BackupDirectoryUnusable extends Error {
  override readonly name = 'BackupDirectoryUnusable';
  constructor(problem: string) {
    super(`the backup directory ${problem}`);
  }
}

/** Backs up all servers at the same time, so that the moments of their snapshots lie closer together. */
async function backUpStores(run: BackupRun): Promise<BackupManifest['stores']> {
  const servers = await serversToBackUp(run.plan.stores, run.environment);
  const ended = new AbortController();
  const signal = AbortSignal.any([run.signal, ended.signal]);
  const entries = servers.map((server) =>
    backUpServer(server, { ...run, signal }).catch((error: unknown) => {
      ended.abort(error);
      throw error;
    }),
  );
  await Promise.allSettled(entries);
  // We throw the first failure, not the aborts that it caused.
  if (ended.signal.aborted) throw ended.signal.reason;
  return (await Promise.all(entries)).flat();
}

async function backUpFiles({ plan, folder, signal, report }: BackupRun): Promise<FilesEntry[]> {
  const entries: FilesEntry[] = [];
  for (const { name, from } of plan.files) {
    if (from === '') continue;
    await mkdir(join(folder, 'files'), { recursive: true, mode: 0o700 });
    const archive = `files/${name}.tar.gz`;
    report(`${name}: archiving`);
    const { manifest, ...archived } = await archiveFolder(from, join(folder, archive), name, signal);
    entries.push({ name, archive, ...archived, entries: Object.fromEntries(manifest) });
  }
  return entries;
}

type Kept = Pick<BackupManifest, 'id' | 'stores' | 'files' | 'proven' | 'durationMs'>;

async function keep(
  folder: BackupFolder,
  plan: Plan,
  label: string,
  startedMs: number,
  kept: Kept,
): Promise<void> {
  const { migration, backup } = plan;
  await folder.complete({
    version: 1,
    migration,
    label,
    takenAt: new Date(startedMs).toISOString(),
    ...kept,
  });
  // Retention counts real days, whatever the plan's length of a day. A rehearsal with short days must keep its backups.
  await removeExpired(backup.directory, migration, startedMs - backup.retentionDays * DAY_MS);
}

function byName(one: StoreEntry, other: StoreEntry): number {
  const [a, b] = [`${one.name} ${one.rdb}`, `${other.name} ${other.rdb}`];
  return a < b ? -1 : 1;
}

/**
 * Makes the summary. A cluster is one store in it: sizes are added up, checksums follow in the order of the manifest.
 */
function toSummary(kept: Kept): BackupSummary {
  const stores = new Map<string, BackupSummary['stores'][number]>();
  for (const { name, keys, bytes, sha256 } of kept.stores) {
    const before = stores.get(name);
    const sum = before && {
      name,
      keys: before.keys + keys,
      bytes: before.bytes + bytes,
      sha256: `${before.sha256} ${sha256}`,
    };
    stores.set(name, sum ?? { name, keys, bytes, sha256 });
  }
  return {
    ...kept,
    stores: [...stores.values()],
    files: kept.files.map(({ name, files, bytes, sha256 }) => ({ name, files, bytes, sha256 })),
  };
}

function directoryProblem(error: unknown): BackupDirectoryUnusable | null {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new BackupDirectoryUnusable('is full: make room and try again');
  if (code === 'EACCES' || code === 'EPERM')
    return new BackupDirectoryUnusable('is not writable by this user');
  if (code === 'EROFS') return new BackupDirectoryUnusable('is on a read-only file system');
  if (code === 'ENOTDIR' || code === 'EEXIST') return new BackupDirectoryUnusable('is no directory');
  return null;
}
