import type { PanelRow } from './panel.ts';

/** The speed of the replication, and the changes that are held back. */
export const SYNC_ROW: PanelRow = {
  title: 'Sync',
  panels: [
    {
      title: 'sync_lag',
      about: 'p99 of the slowest link and direction. The gate is 100 ms, the alert 500 ms.',
      kind: 'stat',
      unit: 'ms',
      queries: [['sync_lag', 'p99']],
      redFrom: 500,
    },
    {
      title: 'Lag of each link',
      about: 'Time from a change to its arrival, over the last six seconds. A gap: not known, which is red.',
      kind: 'timeseries',
      unit: 's',
      queries: [
        [
          'max by (link, direction, percentile) (jday_link_lag_seconds)',
          '{{link}} {{direction}} {{percentile}}',
        ],
      ],
    },
    {
      title: 'Changes carried',
      about: 'Writes to the other side a second, the first copy included.',
      kind: 'timeseries',
      unit: 'ops',
      queries: [
        ['sum by (link, direction) (rate(jday_link_carried_changes_total[1m]))', '{{link}} {{direction}}'],
      ],
    },
    {
      title: 'Waiting and kept back',
      about:
        'Changed keys that wait, values in quarantine, conflicts decided so far, changes where nobody should write, differences mended.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        ['max by (link, direction) (jday_link_pending_keys)', '{{link}} {{direction}} pending'],
        ['max by (link) (jday_link_quarantined_keys)', '{{link}} quarantined'],
        ['sum by (link) (jday_link_conflicts_total)', '{{link}} conflicts'],
        ['sum by (link) (jday_link_strays_total)', '{{link}} strays'],
        ['sum by (link) (jday_link_repaired_total)', '{{link}} repaired'],
      ],
    },
    {
      title: 'Memory of what was kept',
      about:
        'Losers of conflicts on each side, until they are saved to a file, and copies of values in quarantine.',
      kind: 'timeseries',
      unit: 'bytes',
      queries: [
        ['max by (link, side) (jday_link_journal_bytes)', '{{link}} {{side}} losers'],
        ['max by (link) (jday_link_quarantine_bytes)', '{{link}} quarantine'],
      ],
    },
  ],
};

/** The state of each link. */
export const LINKS_ROW: PanelRow = {
  title: 'Links',
  panels: [
    {
      title: 'State of each link',
      about:
        'Whether it scans, goes slower than it could, or holds back what a side lacks because it is suspect, and why.',
      kind: 'state-timeline',
      unit: 'bool',
      queries: [
        ['max by (link) (jday_link_scanning)', '{{link}} scans'],
        ['max by (link) (jday_link_throttled)', '{{link}} throttled'],
        ['max by (link, side, reason) (jday_link_breaker_open)', '{{link}} breaker {{side}} {{reason}}'],
      ],
    },
    {
      title: 'Held back',
      about:
        'Absences, and older values of a server that came back with older data, that wait for a decision.',
      kind: 'timeseries',
      unit: 'short',
      queries: [['max by (link, side) (jday_link_held_keys)', '{{link}} {{side}}']],
    },
    {
      title: 'Scan',
      about: 'Keys looked at, and keys there.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        ['max by (link) (jday_link_scanned_keys)', '{{link}} scanned'],
        ['max by (link) (jday_link_known_keys)', '{{link}} there'],
      ],
    },
    {
      title: 'Ledger entries',
      about:
        'On each side, as the last walk over the ledger found them. Together they follow the number of keys.',
      kind: 'timeseries',
      unit: 'short',
      queries: [['max by (link, side) (jday_ledger_entries)', '{{link}} {{side}}']],
    },
    {
      title: 'Datasets that take part',
      about: 'Datasets whose scan is complete; the sessions join on J-Day.',
      kind: 'stat',
      unit: 'short',
      queries: [['max by (link) (jday_link_joined_datasets)', '{{link}}']],
    },
    {
      title: 'Last word of each link',
      about: 'Age of its last status; it speaks once a second.',
      kind: 'stat',
      unit: 's',
      queries: [['min by (link) (jday_link_status_age_seconds)', '{{link}}']],
      redFrom: 15,
    },
  ],
};
