import type { UpdateDefinition } from '@temporalio/common';
import { Argument, type Command, InvalidArgumentError } from 'commander';
import { type Approval, APPROVALS, WAIVABLE_GATES, type WaivableGate } from '../../domain/plan/plan.ts';
import type { Progress } from '../../domain/run/progress.ts';
import type * as messages from '../../workflows/messages.ts';
import { type VerbContext, withMigrations } from '../verb-context.ts';
import { EXIT, VerbFailed } from '../exit.ts';
import {
  byOption,
  idOption,
  jsonOption,
  planOption,
  reasonedVerb,
  reasonOption,
  waitOption,
} from '../options.ts';
import { sendUpdate, type UpdateOptions, whichMigration } from '../update.ts';

export function addApprove(program: Command, desk: VerbContext): void {
  program
    .command('approve')
    .description('says go; without a gate to what is being waited for')
    .addArgument(new Argument('[gate]', 'what is approved').choices(APPROVALS))
    .addOption(idOption())
    .addOption(planOption())
    .addOption(byOption(desk))
    .addOption(reasonOption().makeOptionMandatory(false).default('approved'))
    .addOption(jsonOption())
    .action(async (gate: Approval | undefined, options: ReasonedOptions) => {
      const { approveUpdate } = await import('../../workflows/messages.ts');
      const asked = gate ?? (await waitedFor(options, desk));
      await sendUpdate(desk, options, approveUpdate, { gate: asked, by: options.by, reason: options.reason });
    });
}

export function addWaive(program: Command, desk: VerbContext): void {
  program
    .command('waive')
    .description('lets a gate pass that has nothing to measure by here; never a red one')
    .addArgument(new Argument('<gate>', 'which gate').choices(WAIVABLE_GATES))
    .addOption(idOption())
    .addOption(planOption())
    .addOption(byOption(desk))
    .addOption(reasonOption())
    .addOption(jsonOption())
    .action(async (gate: WaivableGate, options: ReasonedOptions) => {
      const { waiveUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, waiveUpdate, { gate, by: options.by, reason: options.reason });
    });
}

async function waitedFor(options: ReasonedOptions, desk: VerbContext): Promise<Approval> {
  return withMigrations(desk, async (migrations) => {
    const workflowId = await whichMigration(options, migrations, desk);
    await migrations.insistOnRunning(workflowId);
    const { progress, silence } = await migrations.progress(workflowId);
    const { waitingFor } = progress;
    if (silence !== null) throw new VerbFailed(EXIT.error, `${silence}, then ask again.`);
    if (waitingFor.gate !== undefined) return waitingFor.gate;
    const now = waitingFor.what === 'nothing' ? 'it is at work' : `it waits for ${waitingFor.what}`;
    throw new VerbFailed(EXIT.refused, `${workflowId} waits for no approval: ${now} (${waitingFor.why}).`);
  });
}

type ReasonedOptions = UpdateOptions & { readonly by: string; readonly reason: string };
type Messages = typeof messages;

/** Sends an update that says nothing but why and by whom. The messages are loaded only when the verb runs. */
function sendReasoned(
  desk: VerbContext,
  update: (messages: Messages) => UpdateDefinition<Progress, [messages.ReasonInput]>,
): (options: ReasonedOptions) => Promise<void> {
  return async (options) => {
    const loaded = await import('../../workflows/messages.ts');
    await sendUpdate(desk, options, update(loaded), { by: options.by, reason: options.reason });
  };
}

export function addPause(program: Command, desk: VerbContext): void {
  reasonedVerb(program, desk, 'pause', 'stops the order of phases at the next gate; the sync goes on')
    .addOption(jsonOption())
    .action(sendReasoned(desk, ({ pauseUpdate }) => pauseUpdate));
}

export function addRollback(program: Command, desk: VerbContext): void {
  reasonedVerb(program, desk, 'rollback', 'makes V1 serve again after the cutover, without loss')
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(sendReasoned(desk, ({ rollbackUpdate }) => rollbackUpdate));
}

export function addExtend(program: Command, desk: VerbContext): void {
  program
    .command('extend')
    .description('makes the rollback window longer')
    .argument('<days>', 'days of the plan', parseDays)
    .addOption(idOption())
    .addOption(planOption())
    .addOption(byOption(desk))
    .addOption(jsonOption())
    .action(async (days: number, options: UpdateOptions & { by: string }) => {
      const { extendWindowUpdate } = await import('../../workflows/messages.ts');
      await sendUpdate(desk, options, extendWindowUpdate, { days, by: options.by });
    });
}

function parseDays(text: string): number {
  const days = Number(text.replace(/d$/, ''));
  if (Number.isFinite(days) && days > 0) return days;
  throw new InvalidArgumentError(`Expected a number of days above zero, found "${text}".`);
}

export function addComplete(program: Command, desk: VerbContext): void {
  reasonedVerb(program, desk, 'complete', 'ends the rollback window and the migration')
    .addOption(waitOption())
    .addOption(jsonOption())
    .action(sendReasoned(desk, ({ completeUpdate }) => completeUpdate));
}
