import type { UpdateDefinition } from '@temporalio/common';
import type { Progress } from '../domain/progress.ts';
import { type Desk, withMigrations } from './desk.ts';
import { progressLines } from './format/progress-lines.ts';
import { waitAndReport } from './the-end.ts';
import { whichMigration, type WhichOptions } from './which.ts';

export type UpdateOptions = WhichOptions & { readonly json?: true; readonly wait?: true };

/** Asks a running migration for something and prints its progress after it, or with `--wait` its report. */
export async function sendUpdate<Input>(
  desk: Desk,
  options: UpdateOptions,
  update: UpdateDefinition<Progress, [Input]>,
  input: Input,
): Promise<void> {
  await withMigrations(desk, async (migrations) => {
    const workflowId = await whichMigration(options, migrations, desk);
    const progress = await migrations.update(workflowId, update, input);
    if (options.wait) return waitAndReport(migrations, workflowId, options.json === true, desk);
    if (options.json) return desk.out(JSON.stringify(progress));
    for (const line of progressLines({ progress, byWorker: true })) desk.out(line);
  });
}
