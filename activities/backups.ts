import type { Plan } from '../domain/plan.ts';
import type { BackupSummary } from '../domain/report.ts';
import { takeBackup } from '../redis/backup/backup.ts';
import { copyFileSet } from '../redis/backup/copy-file-set.ts';
import { beating } from './beating.ts';
import type { Dependencies } from './dependencies.ts';

export function backupActivities({ environment, record }: Dependencies) {
  return {
    backup: ({ plan, label }: { plan: Plan; label: string }): Promise<BackupSummary> =>
      beating(async (tell, signal) => {
        record.backingUp(true);
        try {
          const summary = await takeBackup(plan, label, environment, signal, tell);
          record.backup(summary);
          return summary;
        } finally {
          record.backingUp(false);
        }
      }),
    copyFiles: ({ plan }: { plan: Plan }): Promise<void> =>
      beating(async (tell, signal) => {
        for (const files of plan.files) {
          if (!files.from || !files.to) continue;
          tell(`copies ${files.name}`);
          await copyFileSet(files.from, files.to, signal);
        }
      }),
  };
}
