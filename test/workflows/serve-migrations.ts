import { Client, Connection } from '@temporalio/client';
import { type InjectedSinks, NativeConnection, Worker } from '@temporalio/worker';
import { quietRuntime } from '../support/servers/quiet-runtime.ts';
import { rmSync } from 'node:fs';
import { startTemporal } from '../../servers/temporal-server.ts';
import { TASK_QUEUES } from '../../workflows/names.ts';
import type { ProgressSinks } from '../../workflows/sinks.ts';
import { withPlanOfRun } from '../../workers/create-workers.ts';
import { workflowBundle } from '../../workers/workflow-bundle.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { FakeWorld, fakeActivities } from './fake-world.ts';

/** The sink for the workflow's progress. Nothing listens here. */
export const NO_METRICS: InjectedSinks<ProgressSinks> = { metrics: { progress: { fn: () => undefined } } };

/** A fixed name, so that recorded histories do not name a machine. */
const IDENTITY = 'test';

/** Starts a server and workers for both queues. They run the real workflows, and a fake world for each migration. */
export async function serveMigrations(worlds: ReadonlyMap<string, FakeWorld>) {
  const dir = makeTempDir();
  quietRuntime();
  const server = await startTemporal({ dir, headless: true, searchAttributes: true });
  const connection = await Connection.connect({ address: server.address });
  const native = await NativeConnection.connect({ address: server.address });
  const client = new Client({ connection, identity: IDENTITY });
  const activities = fakeActivities((name) => worlds.get(name) ?? new FakeWorld());
  const shared = {
    connection: native,
    identity: IDENTITY,
    activities,
    interceptors: { activity: [withPlanOfRun(client)] },
    maxHeartbeatThrottleInterval: '1500ms',
  };
  const workers = [
    await Worker.create({
      ...shared,
      taskQueue: TASK_QUEUES.control,
      workflowBundle: await workflowBundle(),
      sinks: NO_METRICS,
    }),
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
  return { client, stop };
}
