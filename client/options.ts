import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../domain/duration.ts';
import type { Plan } from '../domain/plan.ts';
import type { Desk } from './desk.ts';
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
      const ms = parseDuration(text);
      if (!ms)
        throw new InvalidArgumentError(`Expected a duration above zero such as 24h or 3s, found "${text}".`);
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

/** Defaults to the user at the keyboard. */
export const byOption = ({ environment }: Desk) =>
  new Option('--by <name>', 'who decides').default(environment.USER || environment.LOGNAME || 'operator');

export function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InvalidArgumentError(`Expected a port from 0 (any free one) to 65535, found "${text}".`);
}

/** The plan that the options name, with what they override. */
export async function planFrom({ plan: file, day, autoApprove }: PlanOptions, desk: Desk): Promise<Plan> {
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
