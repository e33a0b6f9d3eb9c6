import { pino } from 'pino';
import { Runtime, DefaultLogger } from '@temporalio/worker';
import { createMetrics } from '../monitoring/metrics.ts';
import { serveMetrics } from '../monitoring/server.ts';
import { createWorkers } from './create-workers.ts';
import { dependenciesOf } from './dependencies.ts';
import { connectTemporal } from './temporal.ts';

/**
 * The worker process: polls until a signal, then lets activities end in seconds; what they had in hand another
 * worker takes up (L8). Tells what it waits for, and `ready` once it polls.
 *
 * @returns the exit code
 */
export async function runWorker({ metricsPort }: { readonly metricsPort: number }): Promise<number> {
  const log = pino({ base: null, redact: ['*.url', '*.password'] });
  installRuntime(log);
  log.info('connects to Temporal');
  const temporal = await connectTemporal();
  const metrics = createMetrics();
  let ready = false;
  const server = await serveMetrics(metrics, metricsPort, () => ({
    ready,
    why: ready ? 'polls' : 'not polling',
  }));
  try {
    log.info('bundles the workflows');
    const workers = await createWorkers(temporal, dependenciesOf(temporal, metrics));
    const running = Promise.all(workers.map((worker) => worker.run()));
    ready = true;
    log.info({ metricsPort: server.port }, 'ready');
    await running;
    return 0;
  } finally {
    ready = false;
    await server.close();
    await temporal.connection.close();
  }
}

/** One line of JSON a message; the SDK's own logger goes the same way. */
function installRuntime(log: pino.Logger): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  Runtime.install({
    logger: new DefaultLogger('WARN', ({ level, message }) => log[levels[level]](message)),
    shutdownSignals: ['SIGINT', 'SIGTERM'],
  });
}
