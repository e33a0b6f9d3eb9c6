import type { Registry } from 'prom-client';
import type { BackupSummary } from '../../domain/run/report.ts';
import { addGauge, flagGauge, type GaugeSample, seconds } from '../gauge.ts';

type Backup = { readonly summary: BackupSummary; readonly atMs: number };

const OF_ALL: readonly [name: string, help: string, (backup: Backup, nowMs: number) => number | null][] = [
  [
    'jday_backup_proven',
    'Whether the last backup was restored into a scratch server and compared.',
    ({ summary }) => flagGauge(summary.proven),
  ],
  [
    'jday_backup_duration_seconds',
    'How long the last backup took, proof included.',
    ({ summary }) => seconds(summary.durationMs),
  ],
  ['jday_backup_age_seconds', 'Since the last backup was done.', ({ atMs }, nowMs) => seconds(nowMs - atMs)],
];

/** `backingUp`: a backup has begun (true) or ended (false). `backup`: a backup has succeeded. */
export type BackupFamily = {
  backingUp(running: boolean): void;
  backup(summary: BackupSummary): void;
};

/** The last backup, and whether a restore has proven it. */
export function addBackupFamily(registry: Registry, nowMs: () => number): BackupFamily {
  let last: Backup | null = null;
  let running = false;
  const known = (): readonly Backup[] => (last === null ? [] : [last]);
  for (const [name, help, valueOf] of OF_ALL) {
    addGauge(registry, { name, help }, () => known().map((backup) => [{}, valueOf(backup, nowMs())]));
  }
  addGauge(
    registry,
    { name: 'jday_backup_running', help: 'Whether a backup is being taken and proven here.' },
    () => [[{}, flagGauge(running)]],
  );
  const stores = () => known().flatMap(({ summary }) => summary.stores);
  addGauge(
    registry,
    { name: 'jday_backup_store_bytes', help: 'Size of the last backup of the store.', labels: ['store'] },
    () => stores().map(({ name, bytes }): GaugeSample => [{ store: name }, bytes]),
  );
  addGauge(
    registry,
    { name: 'jday_backup_store_keys', help: 'Keys in the last backup of the store.', labels: ['store'] },
    () => stores().map(({ name, keys }): GaugeSample => [{ store: name }, keys]),
  );
  addGauge(
    registry,
    { name: 'jday_backup_files_bytes', help: 'Size of the last archive of the file set.', labels: ['files'] },
    () =>
      known().flatMap(({ summary }) =>
        summary.files.map(({ name, bytes }): GaugeSample => [{ files: name }, bytes]),
      ),
  );
  return {
    backingUp(now) {
      running = now;
    },
    backup(summary) {
      last = { summary, atMs: nowMs() };
    },
  };
}
