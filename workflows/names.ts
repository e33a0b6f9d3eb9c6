/** Names that other programs use, the Temporal CLI among them: contracts (design §4). */
export const WORKFLOW_TYPES = { migration: 'migration', preflight: 'preflight' } as const;

export const TASK_QUEUES = {
  /** Workflows and short activities. */
  control: 'jday',
  /** The activities that run as long as the migration: sync, verify, measureImpact. */
  sync: 'jday-sync',
} as const;

/** Derived from the name, so that the server itself refuses a second run of the same migration. */
export function workflowIdOf(migration: string): string {
  return `jday-${migration}`;
}

export const SEARCH_ATTRIBUTES = {
  phase: 'MigrationPhase',
  authority: 'MigrationAuthority',
  day: 'MigrationDay',
} as const;
