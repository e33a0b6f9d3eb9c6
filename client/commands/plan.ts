import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import {
  autoApproveOption,
  dayOption,
  jsonOption,
  planFrom,
  planOption,
  type PlanOptions,
} from '../options.ts';

export function addPlan(program: Command, desk: Desk): void {
  program
    .command('plan')
    .description('checks a plan file; with --json prints the input of the workflow type migration')
    .addOption(planOption())
    .addOption(dayOption())
    .addOption(autoApproveOption())
    .addOption(jsonOption())
    .action(async (options: PlanOptions & { json?: true }) => {
      const plan = await planFrom(options, desk);
      if (options.json) return desk.out(JSON.stringify(plan));
      const stores = plan.stores.map((store) => `${store.name} (${store.side})`).join(', ');
      desk.out(`${plan.migration}: good, ${plan.mode}`);
      desk.out(`  stores    ${stores}`);
      desk.out(`  datasets  ${plan.datasets.map((dataset) => dataset.name).join(', ')}`);
    });
}
