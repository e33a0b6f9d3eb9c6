import type { Command } from 'commander';
import type { VerbContext } from '../verb-context.ts';
import { parsePort } from '../options.ts';
import { allowCommandOption, allowEnvOption, allowReadOption, allowWriteOption } from '../worker-options.ts';
import { once } from 'node:events';

type WorkerVerbOptions = {
  readonly metricsPort: number;
  readonly metricsAddress: string;
  readonly allowEnv: readonly string[];
  readonly allowCommand: readonly string[];
  readonly allowWrite: readonly string[];
  readonly allowRead: readonly string[];
};

export function addWorker(program: Command, desk: VerbContext): void {
  program
    .command('worker')
    .description('does the work of migrations: polls Temporal, serves /metrics and /healthz')
    .option('--metrics-port <port>', 'port of /metrics and /healthz', parsePort, 8080)
    .option('--metrics-address <address>', 'address of this machine on which they listen', '127.0.0.1')
    .addOption(allowEnvOption())
    .addOption(allowCommandOption())
    .addOption(allowWriteOption(desk))
    .addOption(allowReadOption(desk))
    .action(async ({ metricsPort, metricsAddress, ...allowed }: WorkerVerbOptions) => {
      const { runWorker } = await import('../../workers/main.ts');
      const allowance = {
        variables: allowed.allowEnv,
        programs: allowed.allowCommand,
        writable: allowed.allowWrite,
        readable: allowed.allowRead,
      };
      desk.end(await runWorker({ metricsPort, metricsAddress, allowance }));
    });
}

type DevOptions = { dir: string; port: number; uiPort: number };

export function addDev(program: Command, desk: VerbContext): void {
  program
    .command('dev')
    .description('runs the embedded Temporal server alone, until interrupted')
    .option('--port <port>', 'port of the server', parsePort, 7233)
    .option('--ui-port <port>', 'port of the web UI', parsePort, 8233)
    .option('--dir <folder>', 'keeps its data here', '.jday/temporal')
    .action(async ({ dir, port, uiPort }: DevOptions) => {
      const { startTemporal } = await import('../../servers/temporal-server.ts');
      const server = await startTemporal({
        dir,
        port: port || undefined,
        uiPort: uiPort || undefined,
        persistent: true,
        searchAttributes: true,
      });
      desk.out(`Temporal is ready at ${server.address}, its UI at ${server.uiUrl}; Ctrl-C ends it`);
      const asked = new AbortController();
      const signal = asked.signal;
      await Promise.race([
        once(process, 'SIGINT', { signal }),
        once(process, 'SIGTERM', { signal }),
        server.exited,
      ]);
      asked.abort();
      await server.stop();
    });
}
