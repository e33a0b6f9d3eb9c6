import { workflowIdOf } from '../workflows/names.ts';
import type { Desk } from './desk.ts';
import { EXIT, VerbFailed } from './exit.ts';
import type { Migrations } from './migrations.ts';
import { planFrom } from './options.ts';

export type WhichOptions = { readonly id?: string; readonly plan?: string };

/**
 * The workflow id that a verb is about: `--id`, else the migration of `--plan`, else the one that runs, else the
 * shipped plan's, running or not.
 */
export async function whichMigration(
  { id, plan }: WhichOptions,
  migrations: Migrations,
  desk: Desk,
): Promise<string> {
  if (id !== undefined) return id.startsWith(workflowIdOf('')) ? id : workflowIdOf(id);
  const planned = workflowIdOf((await planFrom({ plan }, desk)).migration);
  if (plan !== undefined || (await migrations.isRunning(planned))) return planned;
  const running = await migrations.running();
  if (running.length > 1) {
    throw new VerbFailed(EXIT.usage, `Several migrations run, say which: --id ${running.join(' or --id ')}.`);
  }
  return running[0] ?? planned;
}
