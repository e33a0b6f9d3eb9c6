import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { OUR_PASSWORD, PASSWORD } from '../servers/migration-users.ts';
import type { withMigrationWorld } from './migration-world.ts';

/** Stands in a session of a test. No text that a migration writes outside of Redis may hold it. */
export const PERSON = 'amélie.durand@example.org';

/** What must stand in no text: passwords, personal data, and the names of the keys `session:1` and `match:1`. */
export const SECRETS: readonly string[] = [OUR_PASSWORD, PASSWORD, PERSON, 'session:1', 'match:1"'];

/** Returns the history of the run, what all our processes have printed, and the manifests of the backups. */
export async function toldTexts(world: ReturnType<typeof withMigrationWorld>): Promise<readonly string[]> {
  const backups = join(world.dir.path, 'backups');
  const manifests = readdirSync(backups, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.json'))
    .map((path) => readFileSync(join(backups, path), 'utf8'));
  return [historyToJSON(await world.handle().fetchHistory()), world.output.join(''), ...manifests];
}
