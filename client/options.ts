import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DAY_LENGTH, parseDayLength } from '../domain/plan/duration.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { VerbContext } from './verb-context.ts';
import { loadPlan } from './plan-file.ts';

export type PlanOptions = {
  readonly plan?: string | undefined;
  readonly day?: number;
  readonly autoApprove?: boolean;
};

export const planOption = () => new Option('--plan <file>', 'plan file; without it the shipped plan');

export const dayOption = () =>
  new Option('--day <length>', 'length of a day, such as 24h or 3s, instead of what the plan says').argParser(
    (text) => {
      const ms = parseDayLength(text);
      if (ms === undefined) throw new InvalidArgumentError(`Expected ${DAY_LENGTH}, found "${text}".`);
      return ms;
    },
  );

export const autoApproveOption = () =>
  new Option('--auto-approve', 'nobody is asked: every approval is auto');
export const jsonOption = () => new Option('--json', 'the answer as JSON on stdout');
export const waitOption = () => new Option('--wait', 'stay until the migration has ended');
export const idOption = () =>
  new Option('--id <id>', 'name of the migration or its workflow id; without it the one that runs');
export const reasonOption = () => new Option('--reason <text>', 'why').makeOptionMandatory();

/** The default is the user who is logged in. */
export const byOption = ({ environment }: VerbContext) =>
  new Option('--by <name>', 'who decides').default(environment.USER || environment.LOGNAME || 'operator');

/** A verb that acts on one run, with the options that say which run, why and by whom. */
export function reasonedVerb(
  program: Command,
  desk: VerbContext,
  name: string,
  description: string,
): Command {
  return program
    .command(name)
    .description(description)
    .addOption(idOption())
    .addOption(planOption())
    .addOption(reasonOption())
    .addOption(byOption(desk));
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError(`Expected a port from 0 (any free one) to 65535, found "${text}".`);
}

/**
 * Loads the plan that the options name, and applies the options that override parts of it.
 *
 * @throws PlanProblems
 */
export async function planFrom(
  { plan: file, day, autoApprove }: PlanOptions,
  desk: VerbContext,
): Promise<Plan> {
  const plan = await loadPlan(file ?? shippedPlan(), desk.environment, file ?? shownShippedPlan());
  return {
    ...plan,
    dayMs: day ?? plan.dayMs,
    approvals: autoApprove ? { readiness: 'auto', cutover: 'auto', complete: 'auto' } : plan.approvals,
  };
}

export function shippedPlan(): string {
  return fileURLToPath(new URL('../plans/supersmartmatch.yaml', import.meta.url));
}

function shownShippedPlan(): string {
  return relative(process.cwd(), shippedPlan());
}
