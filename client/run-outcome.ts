import type { VerbContext } from './verb-context.ts';
import { EXIT, VerbFailed } from './exit.ts';
import { redChecksOf } from './failure.ts';
import { reportLines } from './output.ts';
import type { Migrations } from './migrations.ts';
import type { Terminal } from './terminal.ts';

/** Waits for the end of a run and prints its report. With `--json` the report is the last line of stdout. */
export async function waitAndReport(
  migrations: Migrations,
  workflowId: string,
  json: boolean,
  desk: VerbContext,
): Promise<void> {
  const { waitForEnd } = await import('./wait.ts');
  try {
    const report = await waitForEnd(migrations, workflowId, desk);
    if (json) desk.out(JSON.stringify(report));
    else for (const line of reportLines(report)) desk.out(line);
    desk.end(report.outcome === 'completed' ? EXIT.fine : EXIT.endedBack);
  } catch (error) {
    const checks = redChecksOf(error);
    if (checks && json) desk.out(JSON.stringify({ outcome: null, failure: 'PreflightRed', checks }));
    throw await failedRun(error, migrations, workflowId);
  }
}

/** A cancelled or terminated run has no report. The error says instead how the run ended. */
async function failedRun(error: unknown, migrations: Migrations, workflowId: string): Promise<unknown> {
  const { status } = await migrations.describe(workflowId);
  if (status.name === 'CANCELLED') {
    return new VerbFailed(EXIT.endedBack, `${workflowId} was cancelled.`, { cause: error });
  }
  if (status.name !== 'TERMINATED') return error;
  const text = `${workflowId} was terminated, so nothing was undone: look at the stores before anything else.`;
  return new VerbFailed(EXIT.error, text, { cause: error });
}

const QUIET_MS = 5_000;

/**
 * Waits for `work`. When it takes long, prints `doubt` once: Temporal waits for a worker without any message, so the
 * operator could wait for ever.
 */
export async function untilDone<T>(work: Promise<T>, terminal: Terminal, doubt: string): Promise<T> {
  const timer = setTimeout(() => terminal.note(doubt), QUIET_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
