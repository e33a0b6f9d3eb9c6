import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import { parsePort } from '../options.ts';

export function addWorker(program: Command, desk: Desk): void {
  program
    .command('worker')
    .description('does the work of migrations: polls Temporal, serves /metrics and /healthz')
    .option('--metrics-port <port>', 'port of /metrics and /healthz', parsePort, 8080)
    .action(async ({ metricsPort }: { metricsPort: number }) => {
      const { runWorker } = await import('../../workers/main.ts');
      desk.end(await runWorker({ metricsPort }));
    });
}
