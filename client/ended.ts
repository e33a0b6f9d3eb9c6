import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Report } from '../domain/report.ts';

export function isRunning(description: WorkflowExecutionDescription): boolean {
  return description.status.name === 'RUNNING';
}

/** How an ended run ended, as the rest of a sentence that begins with its name. */
export async function endedHow(
  { status, closeTime }: WorkflowExecutionDescription,
  result: () => Promise<Report>,
): Promise<string> {
  const at = closeTime === undefined ? '' : ` at ${closeTime.toISOString()}`;
  if (status.name === 'COMPLETED') {
    const { outcome, reason } = await result();
    return `has ended${at}: ${outcome}${reason === null ? '' : ` (${reason})`}`;
  }
  if (status.name === 'TERMINATED') return `was terminated${at}, so nothing was undone`;
  const why = await result().then(
    () => '',
    (error: unknown) => causeOf(error),
  );
  return `has ended${at}: ${status.name.toLowerCase()}${why === '' ? '' : ` (${why})`}`;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return error.cause instanceof Error ? error.cause.message : error.message;
}
