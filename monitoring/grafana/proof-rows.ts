import type { PanelRow } from './panel.ts';

/** The comparison of both sides by the verifier, which shares no code with the copy. */
export const VERIFICATION_ROW: PanelRow = {
  title: 'Verification and gates',
  panels: [
    {
      title: 'integrity_score',
      about: 'Settled keys that are equal. The gate is 100 %, the alarm 95 %.',
      kind: 'stat',
      unit: 'percentunit',
      queries: [['integrity_score', 'equal']],
      redBelow: 0.95,
    },
    {
      title: 'Keys by what the verifier says',
      about:
        'Settled keys are the equal and the diverged; the others are on their way, hot, or in quarantine.',
      kind: 'timeseries',
      unit: 'short',
      queries: [
        ['sum by (state) (max by (link, state) (jday_verify_keys))', '{{state}}'],
        ['sum(max by (link) (jday_verify_settled_keys))', 'settled'],
      ],
    },
    {
      title: 'Passes',
      about:
        'Whole passes, how old the last one is, what share of the keys it settled, and when the last clean one began.',
      kind: 'stat',
      unit: 'short',
      queries: [
        ['sum by (link) (jday_verify_passes_total)', '{{link}} passes'],
        ['max by (link) (jday_verify_pass_age_seconds)', '{{link}} ended, seconds ago'],
        ['100 * min by (link) (jday_verify_compared_ratio)', '{{link}} compared, percent'],
        ['min by (link) (jday_verify_clean_age_seconds)', '{{link}} clean, seconds ago'],
      ],
    },
    {
      title: 'Gates',
      about: 'The verdict of each gate at the last look of the workflow.',
      kind: 'state-timeline',
      unit: 'bool',
      queries: [
        [
          'max by (gate, verdict) (jday_gate_verdict and on (migration, instance) jday:newest_look) == 1',
          '{{gate}} {{verdict}}',
        ],
      ],
    },
  ],
};

/** The effect of going back, and the fence, switches and backups that it depends on. */
export const WAY_BACK_ROW: PanelRow = {
  title: 'The way back',
  panels: [
    {
      title: 'Going back',
      about: 'Whether it would lose nothing, and how long it would block writes.',
      kind: 'stat',
      unit: 'short',
      queries: [
        [
          'max by (migration) (jday_rollback_lossless and on (migration, instance) jday:newest_look)',
          'lossless',
        ],
        [
          'max by (migration) (jday_rollback_at_risk_keys and on (migration, instance) jday:newest_look)',
          'keys to carry first',
        ],
        [
          'max by (migration) (jday_rollback_estimate_seconds and on (migration, instance) jday:newest_look)',
          'seconds',
        ],
        [
          'max by (migration) (jday_rollback_window_end_timestamp_seconds and on (migration, instance) jday:newest_look) - time()',
          'seconds left of the window',
        ],
      ],
    },
    {
      title: 'Fence',
      about: 'How long the last switch blocked writes, and in which step. The budget is 5 s.',
      kind: 'timeseries',
      unit: 's',
      queries: [
        ['max by (to) (jday_switch_fenced_seconds)', 'to {{to}}'],
        ['max by (to, step) (jday_switch_step_seconds)', 'to {{to}}: {{step}}'],
      ],
    },
    {
      title: 'Switches',
      about: 'Moves of authority, attempts of the last one, keys verified under its fence.',
      kind: 'stat',
      unit: 'short',
      queries: [
        ['sum by (to) (jday_switches_total)', 'to {{to}}'],
        ['max by (to) (jday_switch_attempts)', 'to {{to}}: attempts'],
        ['max by (to) (jday_switch_verified_keys)', 'to {{to}}: verified keys'],
        ['min by (to) (jday_switch_age_seconds)', 'to {{to}}: seconds ago'],
      ],
    },
    {
      title: 'Backups',
      about: 'The last backup: whether it was restored and compared, its age and what is in it.',
      kind: 'stat',
      unit: 'short',
      queries: [
        ['min(jday_backup_proven)', 'proven'],
        ['min(jday_backup_age_seconds)', 'seconds ago'],
        ['max(jday_backup_duration_seconds)', 'seconds long'],
        ['max by (store) (jday_backup_store_keys)', '{{store}} keys'],
        ['max by (store) (jday_backup_store_bytes)', '{{store}} bytes'],
        ['max by (files) (jday_backup_files_bytes)', '{{files}} bytes'],
      ],
    },
  ],
};
