/** Contracts: other programs use these names, the Temporal CLI among them. */
export const WORKFLOW_TYPES = { migration: 'migration', preflight: 'preflight' } as const;

export const TASK_QUEUES = {
  /** Workflows and short activities. */
  control: 'jday',
  /** The activities that run as long as the migration: sync, verify, measureImpact. */
  sync: 'jday-sync',
} as const;

/**
 * The id follows from the name of the migration, so the Temporal server itself refuses a second run of the same
 * migration.
 */
export function workflowIdOf(migration: string): string {
  return `jday-${migration}`;
}

/** The memo of a run under this name holds its `ToldState`. `jday progress` reads it, so no worker has to answer. */
export const STATE_MEMO = 'jdayState';

export const SEARCH_ATTRIBUTES = {
  phase: 'MigrationPhase',
  authority: 'MigrationAuthority',
  day: 'MigrationDay',
} as const;
