/**
 * Records one history for each outcome, for the replay test: `npx tsx test/workflows/record-histories.ts`. Run it again
 * only when the order of commands changes on purpose. Then the workflow needs a patch for migrations that already run.
 */
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunOutcome, Phase } from '../../domain/plan/plan.ts';
import { abortSignal, progressQuery } from '../../workflows/messages.ts';
import type { migration } from '../../workflows/migration.ts';
import { TASK_QUEUES, workflowIdOf } from '../../workflows/names.ts';
import { examplePlan } from '../support/plans/example-plan.ts';
import { FakeWorld } from './fake-world.ts';
import { serveMigrations } from './serve-migrations.ts';
import { STAYS_IN } from './stories.ts';

const FOLDER = new URL('./histories/', import.meta.url);
const ABORT_IN: Readonly<Record<RunOutcome, Phase | null>> = {
  completed: null,
  aborted: 'approval',
  'rolled-back': 'watch',
};

const worlds = new Map<string, FakeWorld>();
const { client, stop } = await serveMigrations(worlds);
mkdirSync(FOLDER, { recursive: true });
for (const [outcome, phase] of Object.entries(ABORT_IN)) await record(outcome, phase);
await stop();

async function record(outcome: string, phase: Phase | null): Promise<void> {
  const plan = examplePlan({ migration: outcome, dayMs: 20, ...(phase ? STAYS_IN[phase].change : {}) });
  const world = new FakeWorld();
  world.searchAttributes = true;
  worlds.set(plan.migration, world);
  const handle = await client.workflow.start<typeof migration>('migration', {
    workflowId: workflowIdOf(plan.migration),
    taskQueue: TASK_QUEUES.control,
    args: [plan],
  });
  while (phase !== null && (await handle.query(progressQuery)).phase !== phase) await delay(50);
  if (phase !== null) await handle.signal(abortSignal, { reason: 'recorded', by: 'ann' });
  const report = await handle.result();
  if (report.outcome !== outcome) throw new Error(`expected ${outcome}, got ${report.outcome}`);
  const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as unknown;
  writeFileSync(new URL(`${outcome}.json`, FOLDER), `${JSON.stringify(history)}\n`);
}
