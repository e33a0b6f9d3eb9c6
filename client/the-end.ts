import type { Desk } from './desk.ts';
import { EXIT, VerbFailed } from './exit.ts';
import { redChecksOf } from './failure.ts';
import { reportLines } from './format/report-lines.ts';
import type { Migrations } from './migrations.ts';

/** Waits for the end of a run and prints its report; under `--json` as the last line of stdout. */
export async function waitAndReport(
  migrations: Migrations,
  workflowId: string,
  json: boolean,
  desk: Desk,
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

/** A cancelled or terminated run has no report: says what became of it. */
async function failedRun(error: unknown, migrations: Migrations, workflowId: string): Promise<unknown> {
  const { status } = await migrations.describe(workflowId);
  if (status.name === 'CANCELLED') {
    return new VerbFailed(EXIT.endedBack, `${workflowId} was cancelled.`, { cause: error });
  }
  if (status.name !== 'TERMINATED') return error;
  const text = `${workflowId} was terminated, so nothing was undone: look at the stores before anything else.`;
  return new VerbFailed(EXIT.error, text, { cause: error });
}
