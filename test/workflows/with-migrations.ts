import type { Client, WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll } from 'vitest';
import { type Phase, PHASES, type Plan } from '../../domain/plan/plan.ts';
import type { Progress } from '../../domain/run/progress.ts';
import type { migration } from '../../workflows/migration.ts';
import { type PreflightResult, progressQuery } from '../../workflows/messages.ts';
import { TASK_QUEUES, workflowIdOf } from '../../workflows/names.ts';
import type { preflight } from '../../workflows/preflight.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { eventually } from '../support/eventually.ts';
import { FakeWorld } from './fake-world.ts';
import { serveMigrations } from './serve-migrations.ts';
import { STAYS_IN } from './stories.ts';

/** So short that a whole migration takes seconds. Each wait has a minimum of its own. */
export const DAY_MS = 60;

/** Enough for the last steps of a migration on two busy cores. */
export const PATIENCE = { everyMs: 50 };

export type Handle = WorkflowHandle<typeof migration>;

export type Started = { readonly handle: Handle; readonly world: FakeWorld; readonly plan: Plan };

/**
 * Runs real workflows with fake activities. They have a Temporal server of their own, so no other test uses their queue
 * `jday-sync`.
 */
export function withMigrations() {
  const worlds = new Map<string, FakeWorld>();
  let client: Client;
  let stop = async () => {};

  beforeAll(async () => {
    const serving = await serveMigrations(worlds);
    client = serving.client;
    stop = serving.stop;
  });
  afterAll(() => stop());

  /** Starts a migration. `prepare` can tell its world beforehand what to do. */
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
    /** Starts a migration that stays in a phase, and waits until the work of this phase runs. */
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

/** Waits until `holds` is true for the progress of the migration. */
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
