import { Client, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  type InjectedSinks,
  NativeConnection,
  Runtime,
  Worker,
} from '@temporalio/worker';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startTemporal } from '../../servers/temporal-server.ts';
import { TASK_QUEUES } from '../../workflows/names.ts';
import type { ProgressSinks } from '../../workflows/sinks.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { FakeWorld, fakeActivities } from './fake-world.ts';

export const WORKFLOWS_PATH = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

/** What the workflow says of its progress has no listener here. */
export const NO_METRICS: InjectedSinks<ProgressSinks> = { metrics: { progress: { fn: () => undefined } } };

/** Recorded histories name no machine. */
const IDENTITY = 'test';

/** A server, and workers for both queues with the real workflows and, by migration, a fake world. */
export async function serveMigrations(worlds: ReadonlyMap<string, FakeWorld>) {
  const dir = makeTempDir();
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const server = await startTemporal({ dir, headless: true, searchAttributes: true });
  const connection = await Connection.connect({ address: server.address });
  const native = await NativeConnection.connect({ address: server.address });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: WORKFLOWS_PATH,
    logger: new DefaultLogger('ERROR'),
  });
  const activities = fakeActivities((name) => worlds.get(name) ?? new FakeWorld());
  const shared = {
    connection: native,
    identity: IDENTITY,
    activities,
    maxHeartbeatThrottleInterval: '200ms',
  } as const;
  const workers = [
    await Worker.create({ ...shared, taskQueue: TASK_QUEUES.control, workflowBundle, sinks: NO_METRICS }),
    await Worker.create({ ...shared, taskQueue: TASK_QUEUES.sync, maxConcurrentActivityTaskExecutions: 500 }),
  ];
  const run = Promise.all(workers.map((worker) => worker.run()));
  const stop = async () => {
    for (const worker of workers) worker.shutdown();
    await run;
    await connection.close();
    await native.close();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  return { client: new Client({ connection, identity: IDENTITY }), stop };
}
