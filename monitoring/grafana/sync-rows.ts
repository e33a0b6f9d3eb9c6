import type { Row } from './panel.ts';

/** How fast changes travel, and which do not. */
export const SYNC_ROW: Row = {
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
      about: 'Changed keys that wait, values in quarantine, conflicts decided so far.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        ['max by (link, direction) (jday_link_pending_keys)', '{{link}} {{direction}} pending'],
        ['max by (link) (jday_link_quarantined_keys)', '{{link}} quarantined'],
        ['sum by (link) (jday_link_conflicts_total)', '{{link}} conflicts'],
      ],
    },
  ],
};

/** Each link by itself. */
export const LINKS_ROW: Row = {
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
      queries: [['time() - max by (link) (jday_link_status_timestamp_seconds)', '{{link}}']],
      redFrom: 15,
    },
  ],
};
