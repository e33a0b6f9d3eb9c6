import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import type { Report } from '../domain/run/report.ts';
import { progressWatch } from './output.ts';
import type { Migrations } from './migrations.ts';
import type { Terminal } from './terminal.ts';

const LOOK_EVERY_MS = 1_000;
/** gRPC: DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE. */
const PASSING = new Set([4, 8, 14]);

/**
 * Waits for the end of a run and shows its progress meanwhile. Survives restarts of Temporal and of workers.
 *
 * @returns the report
 * @throws the failure of a run that has no report
 */
export async function waitForEnd(
  migrations: Migrations,
  workflowId: string,
  terminal: Terminal,
): Promise<Report> {
  const over = new AbortController();
  const shown = showUntil(over.signal, migrations, workflowId, terminal);
  try {
    return await patiently(() => migrations.report(workflowId), terminal);
  } finally {
    over.abort();
    await shown;
  }
}

async function showUntil(
  signal: AbortSignal,
  migrations: Migrations,
  workflowId: string,
  terminal: Terminal,
): Promise<void> {
  const show = progressWatch(terminal);
  while (!signal.aborted) {
    // A failed query is skipped and the next one follows. `patiently` tells the operator when Temporal is away.
    const seen = await migrations.progress(workflowId).catch(() => null);
    if (seen && !signal.aborted) show(seen);
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

async function patiently<T>(ask: () => Promise<T>, terminal: Terminal): Promise<T> {
  for (let told = false; ; ) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (!told) terminal.note('Temporal does not answer; the migration is not affected, waiting on.');
      told = true;
      await delay(LOOK_EVERY_MS);
    }
  }
}

export function isPassing(error: unknown): boolean {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) && PASSING.has(cause.code);
}
