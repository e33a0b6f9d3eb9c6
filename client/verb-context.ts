import type { Migrations as MigrationClient } from './migrations.ts';
import type { Terminal } from './terminal.ts';

/** The context of a verb: its terminal and its exit code. */
export type VerbContext = Terminal & {
  /**
   * Sets the exit code of a verb that has done its work.
   *
   * @default 0
   */
  end(exitCode: number): void;
};

/**
 * Connects to Temporal for as long as `work` takes. The Temporal client is imported here and not at the top: it is slow
 * to load, and verbs that do not need it start at once.
 *
 * @throws TemporalSilent, TemporalSettingsUnreadable
 */
export async function withMigrations<T>(
  desk: VerbContext,
  work: (migrations: MigrationClient) => Promise<T>,
): Promise<T> {
  const { Migrations, openTemporal } = await import('./migrations.ts');
  const migrations = new Migrations(await openTemporal(desk.environment));
  try {
    return await work(migrations);
  } finally {
    await migrations.close();
  }
}
