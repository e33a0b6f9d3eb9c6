import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { quietRuntime } from '../support/servers/quiet-runtime.ts';
import { DeterminismViolationError } from '@temporalio/workflow';
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { workflowBundle } from '../../workers/workflow-bundle.ts';
import { NO_METRICS } from './serve-migrations.ts';

const FOLDER = new URL('./histories/', import.meta.url);
const RECORDED = readdirSync(FOLDER);

beforeAll(() => {
  quietRuntime();
});

async function replay(history: unknown): Promise<void> {
  const options = { workflowBundle: await workflowBundle(), sinks: NO_METRICS };
  await Worker.runReplayHistory(options, historyFromJSON(history));
}

function read(file: string): { events: { eventType: string }[] } {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as { events: { eventType: string }[] };
}

test('there is a history of each outcome', () => {
  expect(RECORDED.sort()).toEqual(['aborted.json', 'completed.json', 'rolled-back.json']);
});

test.each(RECORDED)('a run recorded before (%s) goes on under the workflow of today', async (file) => {
  await expect(replay(read(file))).resolves.toBeUndefined();
});

test('a history that the workflow would not have written is noticed', async () => {
  const history = JSON.parse(
    JSON.stringify(read('completed.json')).replaceAll('"copyFiles"', '"joinSessions"'),
  ) as unknown;
  await expect(replay(history)).rejects.toThrow(DeterminismViolationError);
});
