import type { Client, WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, vi } from 'vitest';
import { type Phase, PHASES } from '../../domain/phase.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Progress } from '../../domain/progress.ts';
import type { migration } from '../../workflows/migration.ts';
import { type PreflightResult, progressQuery } from '../../workflows/messages.ts';
import { TASK_QUEUES, workflowIdOf } from '../../workflows/names.ts';
import type { preflight } from '../../workflows/preflight.ts';
import { examplePlan } from '../support/example-plan.ts';
import { eventually } from '../support/eventually.ts';
import { FakeWorld } from './fake-world.ts';
import { serveMigrations } from './serve-migrations.ts';
import { STAYS_IN } from './stories.ts';

/** Short enough that a whole migration takes seconds; waits have floors of their own. */
export const DAY_MS = 60;

/** For what comes late in a migration, on two cores that others may use too. */
export const PATIENCE = { withinMs: 40_000 };

export type Handle = WorkflowHandle<typeof migration>;

export type Started = { readonly handle: Handle; readonly world: FakeWorld; readonly plan: Plan };

/**
 * Real workflows on a real server of their own (the queue `jday-sync` belongs to them alone), with fake activities.
 */
export function withMigrations() {
  vi.setConfig({ testTimeout: 60_000 });
  const worlds = new Map<string, FakeWorld>();
  let client: Client;
  let stop = async () => {};

  beforeAll(async () => {
    const serving = await serveMigrations(worlds);
    client = serving.client;
    stop = serving.stop;
  });
  afterAll(() => stop());

  /** Starts a migration; its world can be told beforehand what to do. */
  const start = async (
    change: Partial<Plan> = {},
    prepare: (world: FakeWorld) => void = () => {},
  ): Promise<Started> => {
    const plan = examplePlan({ migration: `m${worlds.size}`, dayMs: DAY_MS, ...change });
    const world = new FakeWorld();
    prepare(world);
    worlds.set(plan.migration, world);
    const handle = await client.workflow.start<typeof migration>('migration', {
      workflowId: workflowIdOf(plan.migration),
      taskQueue: TASK_QUEUES.control,
      args: [plan],
    });
    return { handle, world, plan };
  };

  return {
    get client() {
      return client;
    },
    start,
    /** Starts a migration that stays in a phase, and waits until all that runs there runs. */
    async stayIn(phase: Phase): Promise<Started> {
      const { change, prepare } = STAYS_IN[phase];
      const started = await start(change, prepare);
      const { calls, running } = started.world;
      await until(started.handle, `is in phase ${phase}`, (seen) => seen.phase === phase);
      if (PHASES.indexOf(phase) >= PHASES.indexOf('copy')) {
        await eventually('the sync runs', () => running.has('sync v1') && running.has('sync nexten'));
      }
      if (phase === 'cutover') await eventually('the cutover began', () => calls.includes('cutover'));
      return started;
    },
    /** Runs the workflow `preflight` to its end. */
    async preflight(prepare: (world: FakeWorld) => void): Promise<PreflightResult> {
      const plan = examplePlan({ migration: `m${worlds.size}` });
      const world = new FakeWorld();
      prepare(world);
      worlds.set(plan.migration, world);
      return client.workflow.execute<typeof preflight>('preflight', {
        workflowId: workflowIdOf(`preflight-${plan.migration}`),
        taskQueue: TASK_QUEUES.control,
        args: [plan],
      });
    },
  };
}

export function progress(handle: Handle): Promise<Progress> {
  return handle.query(progressQuery);
}

/** Waits until the migration is where a test wants it. */
export function until(handle: Handle, what: string, holds: (progress: Progress) => boolean): Promise<true> {
  return eventually(what, async () => holds(await progress(handle)), PATIENCE);
}

export function waitsForOperator(handle: Handle): Promise<true> {
  return until(handle, 'waits for an operator', ({ waitingFor }) => waitingFor.what === 'resume');
}

export function waitsForApproval(handle: Handle, gate: Progress['waitingFor']['gate']): Promise<true> {
  const waits = ({ waitingFor }: Progress) => waitingFor.what === 'approval' && waitingFor.gate === gate;
  return until(handle, `waits for the approval "${gate}"`, waits);
}
