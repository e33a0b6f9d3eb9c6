import type { Migrations as MigrationClient } from './migrations.ts';
import type { Terminal } from './terminal.ts';

/** What a verb works with. */
export type Desk = Terminal & {
  /** The exit code of a verb that did its work; 0 unless said. */
  end(exitCode: number): void;
};

/** Connects to Temporal for as long as `work` takes. The client is loaded here: verbs without it start at once. */
export async function withMigrations<T>(
  desk: Desk,
  work: (migrations: MigrationClient) => Promise<T>,
): Promise<T> {
  const [{ openTemporal }, { Migrations }] = await Promise.all([
    import('./temporal.ts'),
    import('./migrations.ts'),
  ]);
  const migrations = new Migrations(await openTemporal(desk.environment));
  try {
    return await work(migrations);
  } finally {
    await migrations.close();
  }
}
