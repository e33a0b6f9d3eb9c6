import type { BackupSummary } from '../domain/run/report.ts';
import { takeBackup } from '../redis/backup/backup.ts';
import { copyFileSet } from '../redis/backup/copy-file-set.ts';
import { beating } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { type HeldInput, withHeldStores } from './held-stores.ts';

export function backupActivities(dependencies: Dependencies) {
  const { environment, record } = dependencies;
  /**
   * A backup opens connections of its own, which prove no claim. So this activity proves before and after the backup
   * that the addresses lead to the claimed stores.
   */
  const proven = (held: HeldInput) =>
    withHeldStores(dependencies, held, 'backup-claims', async () => undefined);
  return {
    backup: (input: HeldInput & { label: string }): Promise<BackupSummary> =>
      beating(async (tell, signal) => {
        const { plan, label } = input;
        await proven(input);
        record.backingUp(true);
        try {
          const summary = await takeBackup(plan, label, environment, signal, tell);
          await proven(input);
          record.backup(summary);
          return summary;
        } finally {
          record.backingUp(false);
        }
      }),
    copyFiles: ({ plan }: HeldInput): Promise<void> =>
      beating(async (tell, signal) => {
        for (const files of plan.files) {
          if (!files.from || !files.to) continue;
          tell(`copies ${files.name}`);
          await copyFileSet(files.from, files.to, signal);
        }
      }),
  };
}
