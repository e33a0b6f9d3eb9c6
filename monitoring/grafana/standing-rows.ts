import type { PanelRow } from './panel.ts';

/** The four panels of the original plan. */
export const PROGRESS_ROW: PanelRow = {
  title: 'Progress',
  panels: [
    {
      title: 'sync_completion_percentage',
      about: 'Keys that the scan has looked at, of those there.',
      kind: 'gauge',
      unit: 'percent',
      queries: [['sync_completion_percentage', 'scanned']],
    },
    {
      title: 'data_consistency_score',
      about: 'Keys equal at this moment, of all that the verifier knows, those on their way included.',
      kind: 'stat',
      unit: 'percentunit',
      queries: [['data_consistency_score', 'equal now']],
      redBelow: 0.95,
    },
    {
      title: 'active_sessions_migrated',
      about: 'Live sessions, those equal on the other side, and those lost.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        ['active_sessions_migrated', 'migrated'],
        ['active_sessions_lost', 'lost'],
        ['sum(max by (link) (jday_sessions_live))', 'live'],
      ],
    },
    {
      title: 'cache_hit_ratio_v1_vs_v2',
      about: 'Cache keys of the side that serves that would hit on the other side too.',
      kind: 'stat',
      unit: 'percentunit',
      queries: [['cache_hit_ratio_v1_vs_v2', 'hits kept']],
      redBelow: 0.95,
    },
  ],
};

/** The progress that the workflow reported with its last observation. */
export const STANDING_ROW: PanelRow = {
  title: 'Where it stands',
  panels: [
    {
      title: 'Phase',
      about: 'The phase that runs, as the workflow told last.',
      kind: 'state-timeline',
      unit: 'bool',
      queries: [['jday:migration_phase', '{{phase}}']],
    },
    {
      title: 'sync_progress',
      about: 'How far the whole migration has come, by phases.',
      kind: 'timeseries',
      unit: 'percent',
      queries: [['sync_progress', '{{migration}}']],
    },
    {
      title: 'Who serves, and what it waits for',
      about:
        'The authority, and what holds the migration: time, gates, an approval, an operator, or nothing.',
      kind: 'state-timeline',
      unit: 'bool',
      queries: [
        [
          'max by (migration, side) (jday_migration_authority and on (migration, instance) jday:newest_look) == 1',
          '{{side}} serves',
        ],
        [
          'max by (migration, what) (jday_migration_waiting and on (migration, instance) jday:newest_look) == 1',
          'waits for {{what}}',
        ],
      ],
    },
    {
      title: 'Held, done, moving',
      about: 'Whether it is paused, throttled, done, and whether it should be moving.',
      kind: 'state-timeline',
      unit: 'bool',
      queries: [
        [
          'max by (migration) (jday_migration_paused and on (migration, instance) jday:newest_look)',
          'paused',
        ],
        [
          'max by (migration) (jday_migration_throttled and on (migration, instance) jday:newest_look)',
          'throttled',
        ],
        ['max by (migration) (jday_migration_done and on (migration, instance) jday:newest_look)', 'done'],
        ['jday:migration_at_work or on (migration) 0 * max by (migration) (jday_migration_done)', 'at work'],
      ],
    },
  ],
};
