import type { Allowance } from '../domain/plan/allowance.ts';
import { createMetrics } from '../monitoring/metrics.ts';
import { serveMetrics } from '../monitoring/server.ts';
import { createWorkers } from './create-workers.ts';
import { dependenciesOf } from './dependencies.ts';
import { createLog, endRuntime, installRuntime } from './logging.ts';
import { connectTemporal } from './temporal.ts';

const SHUTDOWN_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export type WorkerOptions = {
  readonly metricsPort: number;
  /** The address of this machine on which `/metrics` and `/healthz` listen. */
  readonly metricsAddress: string;
  readonly allowance: Allowance;
};

/**
 * Runs the worker process. It polls until a signal, then gives the activities some seconds to end. Another worker takes
 * over what they had not finished. The log says what the process waits for, and `ready` once it polls.
 *
 * @returns the exit code
 */
export async function runWorker({ metricsPort, metricsAddress, allowance }: WorkerOptions): Promise<number> {
  const log = createLog();
  installRuntime(log, SHUTDOWN_SIGNALS);
  const [stopping, stopped] = [new AbortController(), new AbortController()];
  for (const signal of SHUTDOWN_SIGNALS) process.once(signal, () => stopping.abort());
  log.info('connects to Temporal');
  const temporal = await connectTemporal(process.env).catch(async (error: unknown) => {
    await endRuntime();
    throw error;
  });
  const metrics = createMetrics();
  let ready = false;
  const server = await serveMetrics(metrics, { port: metricsPort, address: metricsAddress }, () => ({
    ready,
    why: ready ? 'polls' : 'not polling',
  })).catch(async (error: unknown) => {
    await temporal.connection.close();
    throw error;
  });
  try {
    log.info('loads the workflow code');
    const workers = await createWorkers(
      temporal,
      dependenciesOf(temporal, metrics, { stopping: stopping.signal, stopped: stopped.signal, allowance }),
    );
    const running = Promise.all(workers.map((worker) => worker.run()));
    ready = true;
    // The operator sees in this line what a plan may name here.
    log.info({ metricsPort: server.port, allowance }, 'ready');
    await running;
    return 0;
  } finally {
    ready = false;
    stopped.abort();
    await server.close();
    await temporal.connection.close();
  }
}
