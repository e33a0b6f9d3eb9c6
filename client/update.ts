import type { UpdateDefinition } from '@temporalio/common';
import type { Progress } from '../domain/run/progress.ts';
import { type VerbContext, withMigrations } from './verb-context.ts';
import { progressLines } from './output.ts';
import { waitAndReport } from './run-outcome.ts';
import { workflowIdOf } from '../workflows/names.ts';
import { EXIT, VerbFailed } from './exit.ts';
import type { Migrations } from './migrations.ts';
import { planFrom } from './options.ts';

export type UpdateOptions = WhichOptions & { readonly json?: true; readonly wait?: true };

/** Sends an update to a running migration. Prints its progress afterwards, or with `--wait` its report. */
export async function sendUpdate<Input>(
  desk: VerbContext,
  options: UpdateOptions,
  update: UpdateDefinition<Progress, [Input]>,
  input: Input,
): Promise<void> {
  await withMigrations(desk, async (migrations) => {
    const workflowId = await whichMigration(options, migrations, desk);
    const progress = await migrations.update(workflowId, update, input);
    if (options.wait) return waitAndReport(migrations, workflowId, options.json === true, desk);
    if (options.json) return desk.out(JSON.stringify(progress));
    for (const line of progressLines({ progress, silence: null })) desk.out(line);
  });
}

export type WhichOptions = { readonly id?: string; readonly plan?: string };

/**
 * Finds the workflow id that a verb means: `--id`; else the migration of `--plan`; else the one migration that runs;
 * else the migration of the shipped plan, whether it runs or not. An abort must never take a guess: when several
 * migrations run, the operator has to name one, also when the shipped plan's is among them.
 *
 * @throws VerbFailed when several migrations run and the options name none
 */
export async function whichMigration(
  { id, plan }: WhichOptions,
  migrations: Migrations,
  desk: VerbContext,
): Promise<string> {
  if (id !== undefined) return id.startsWith(workflowIdOf('')) ? id : workflowIdOf(id);
  const planned = workflowIdOf((await planFrom({ plan }, desk)).migration);
  if (plan !== undefined) return planned;
  // Temporal lists a run a moment after its start, so the shipped plan's run is asked for by its id too.
  const isRunning = await migrations.isRunning(planned);
  const running = [...new Set([...(await migrations.running()), ...(isRunning ? [planned] : [])])];
  if (running.length > 1) {
    throw new VerbFailed(EXIT.usage, `Several migrations run, say which: --id ${running.join(' or --id ')}.`);
  }
  return running[0] ?? planned;
}
