import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import type { Plan } from '../../domain/plan.ts';
import type { Progress } from '../../domain/progress.ts';
import { startTemporal } from '../../servers/temporal-server.ts';
import type { migration } from '../../workflows/migration.ts';
import { progressQuery } from '../../workflows/messages.ts';
import { TASK_QUEUES, workflowIdOf } from '../../workflows/names.ts';
import { examplePlan } from '../support/example-plan.ts';
import { eventually } from '../support/eventually.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { FakeWorld, fakeActivities } from './fake-world.ts';

/** Short enough that a whole migration takes seconds; waits have floors of their own. */
const DAY_MS = 60;

export const WORKFLOWS_PATH = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));

export type Handle = WorkflowHandle<typeof migration>;

export type Started = { readonly handle: Handle; readonly world: FakeWorld; readonly plan: Plan };

/**
 * Real workflows on a real server of their own (the queue `jday-sync` belongs to them alone), with fake activities.
 */
export function withMigrations() {
  const worlds = new Map<string, FakeWorld>();
  let client: Client;
  let stop = async () => {};

  beforeAll(async () => {
    const serving = await serve(worlds);
    client = serving.client;
    stop = serving.stop;
  });
  afterAll(() => stop());

  return {
    get client() {
      return client;
    },
    /** Starts a migration; its world can be told beforehand what to do. */
    async start(
      change: Partial<Plan> = {},
      prepare: (world: FakeWorld) => void = () => {},
    ): Promise<Started> {
      const name = `m${worlds.size}`;
      const plan = examplePlan({ migration: name, dayMs: DAY_MS, ...change });
      const world = new FakeWorld();
      prepare(world);
      worlds.set(plan.migration, world);
      const handle = await client.workflow.start<typeof migration>('migration', {
        workflowId: workflowIdOf(plan.migration),
        taskQueue: TASK_QUEUES.control,
        args: [plan],
      });
      return { handle, world, plan };
    },
  };
}

async function serve(worlds: ReadonlyMap<string, FakeWorld>) {
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
  const shared = { connection: native, activities, maxHeartbeatThrottleInterval: '50ms' } as const;
  const workers = [
    await Worker.create({ ...shared, taskQueue: TASK_QUEUES.control, workflowBundle }),
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
  return { client: new Client({ connection }), stop };
}

export function progress(handle: Handle): Promise<Progress> {
  return handle.query(progressQuery);
}

/** Waits until the migration is where a test wants it. */
export function until(handle: Handle, what: string, holds: (progress: Progress) => boolean): Promise<true> {
  return eventually(what, async () => holds(await progress(handle)), { withinMs: 20_000 });
}

export function waitsForApproval(handle: Handle, gate: Progress['waitingFor']['gate']): Promise<true> {
  const waits = ({ waitingFor }: Progress) => waitingFor.what === 'approval' && waitingFor.gate === gate;
  return until(handle, `waits for the approval "${gate}"`, waits);
}
