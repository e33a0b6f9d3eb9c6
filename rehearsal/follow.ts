import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../domain/report.ts';
import type { Migrations, Seen } from '../client/migrations.ts';

const LOOK_EVERY_MS = 150;

/** Looks at the migration until it has ended. */
export async function follow(
  migrations: Migrations,
  workflowId: string,
  look: (seen: Seen) => void | Promise<void>,
  signal: AbortSignal,
): Promise<Report> {
  let ended = false;
  const report = migrations.report(workflowId).finally(() => {
    ended = true;
  });
  // Awaited below; a failure in between must not end the process.
  report.catch(() => {});
  while (!ended && !signal.aborted) {
    await look(await migrations.progress(workflowId));
    await Promise.race([delay(LOOK_EVERY_MS), report.catch(() => {})]);
  }
  signal.throwIfAborted();
  return report;
}
