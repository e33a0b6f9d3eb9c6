import { Argument, type Command } from 'commander';
import { type Approval, APPROVALS } from '../../domain/phase.ts';
import { type Desk, withMigrations } from '../desk.ts';
import { EXIT, VerbFailed } from '../exit.ts';
import { byOption, idOption, jsonOption, planOption, reasonOption } from '../options.ts';
import { sendUpdate, type UpdateOptions } from '../update.ts';
import { whichMigration } from '../which.ts';

type ApproveOptions = UpdateOptions & { readonly by: string; readonly reason: string };

export function addApprove(program: Command, desk: Desk): void {
  program
    .command('approve')
    .description('says go; without a gate to what is being waited for')
    .addArgument(new Argument('[gate]', 'what is approved').choices(APPROVALS))
    .addOption(idOption())
    .addOption(planOption())
    .addOption(byOption(desk))
    .addOption(reasonOption().makeOptionMandatory(false).default('approved'))
    .addOption(jsonOption())
    .action(async (gate: Approval | undefined, options: ApproveOptions) => {
      const { approveUpdate } = await import('../../workflows/messages.ts');
      const asked = gate ?? (await waitedFor(options, desk));
      await sendUpdate(desk, options, approveUpdate, { gate: asked, by: options.by, reason: options.reason });
    });
}

async function waitedFor(options: ApproveOptions, desk: Desk): Promise<Approval> {
  return withMigrations(desk, async (migrations) => {
    const workflowId = await whichMigration(options, migrations, desk);
    await migrations.insistOnRunning(workflowId);
    const { progress, byWorker } = await migrations.progress(workflowId);
    const { waitingFor } = progress;
    if (!byWorker)
      throw new VerbFailed(EXIT.error, 'No worker answers: start one (jday worker), then ask again.');
    if (waitingFor.gate !== undefined) return waitingFor.gate;
    const now = waitingFor.what === 'nothing' ? 'it is at work' : `it waits for ${waitingFor.what}`;
    throw new VerbFailed(EXIT.refused, `${workflowId} waits for no approval: ${now} (${waitingFor.why}).`);
  });
}
