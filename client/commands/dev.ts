import { once } from 'node:events';
import type { Command } from 'commander';
import type { Desk } from '../desk.ts';
import { parsePort } from '../options.ts';

type DevOptions = { dir: string; port: number; uiPort: number };

export function addDev(program: Command, desk: Desk): void {
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
