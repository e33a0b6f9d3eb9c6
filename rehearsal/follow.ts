import { setTimeout as delay } from 'node:timers/promises';
import type { Migrations, Seen } from '../client/migrations.ts';
import type { Report } from '../domain/report.ts';

const LOOK_EVERY_MS = 200;

/**
 * Looks at the migration until it has ended. Asks for the report only then: a call that is still waiting when
 * everything is stopped would be tried again on a closed connection.
 */
export async function follow(
  migrations: Migrations,
  workflowId: string,
  look: (seen: Seen) => void | Promise<void>,
  signal: AbortSignal,
): Promise<Report> {
  while (await migrations.isRunning(workflowId)) {
    await look(await migrations.progress(workflowId));
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
  return migrations.report(workflowId);
}
