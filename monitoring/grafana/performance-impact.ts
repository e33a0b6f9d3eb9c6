import type { Dashboard } from './panel.ts';

/** Dashboard of the costs: the apps' response time, and the memory, CPU and network of the workers. */
export const PERFORMANCE_IMPACT: Dashboard = {
  uid: 'jday-performance-impact',
  title: 'performance_impact',
  about: "What the migration costs: the apps' response time, and memory, CPU and network of the workers.",
  rows: [
    {
      title: 'What the apps feel',
      panels: [
        {
          title: 'response_time_degradation',
          about: 'What our work adds to the response time. The gate is 5 %, the alert 3 %.',
          kind: 'stat',
          unit: 'percent',
          queries: [['response_time_degradation', 'slower']],
          redFrom: 5,
        },
        {
          title: 'Impact and its interval',
          about:
            'Windows with our work on against windows with it held, interleaved; the interval shows the noise.',
          kind: 'timeseries',
          unit: 'percentunit',
          queries: [
            ['max(jday_impact_ratio)', 'measured'],
            ['max(jday_impact_low_ratio)', 'low'],
            ['max(jday_impact_high_ratio)', 'high'],
          ],
        },
        {
          title: 'Impact of each store',
          about: 'What the apps of each store feel; the greatest of these counts.',
          kind: 'timeseries',
          unit: 'percentunit',
          queries: [['max by (store) (jday_impact_store_ratio)', '{{store}}']],
        },
        {
          title: 'Windows compared',
          about: 'How many windows the last measurement rests on.',
          kind: 'stat',
          unit: 'short',
          queries: [['max(jday_impact_windows)', 'windows']],
        },
      ],
    },
    {
      title: 'How fast our work may go',
      panels: [
        {
          title: 'Keys a second',
          about: 'Bounds in force, per link; 0 is no limit.',
          kind: 'timeseries',
          unit: 'short',
          queries: [
            ['max by (link) (jday_link_throttle_copy_keys_per_second)', '{{link}} copy'],
            ['max by (link) (jday_link_throttle_verify_keys_per_second)', '{{link}} verification'],
          ],
        },
        {
          title: 'Bytes a second',
          about: 'Bounds in force, per link; 0 is no limit.',
          kind: 'timeseries',
          unit: 'Bps',
          queries: [
            ['max by (link) (jday_link_throttle_copy_bytes_per_second)', '{{link}} copy'],
            ['max by (link) (jday_link_throttle_verify_bytes_per_second)', '{{link}} verification'],
          ],
        },
        {
          title: 'Share of the bounds',
          about:
            'What the measured impact leaves of the bounds that the plan or configure has set; 0 is a pause.',
          kind: 'timeseries',
          unit: 'percentunit',
          queries: [['min by (link) (jday_link_throttle_share_ratio)', '{{link}}']],
        },
        {
          title: 'Keys in a batch',
          about: 'Keys that one call of the sync may hold, by the server time that they take.',
          kind: 'timeseries',
          unit: 'short',
          queries: [['min by (link) (jday_link_batch_keys)', '{{link}}']],
        },
      ],
    },
    {
      title: 'What the workers use',
      panels: [
        {
          title: 'memory_usage_during_sync',
          about: 'Resident memory of all workers, and the heap in it.',
          kind: 'timeseries',
          unit: 'bytes',
          queries: [
            ['memory_usage_during_sync', 'resident'],
            ['sum(jday_nodejs_heap_size_used_bytes)', 'heap used'],
            ['sum(jday_nodejs_heap_size_total_bytes)', 'heap'],
          ],
        },
        {
          title: 'cpu_impact_migration',
          about: 'CPU time of all workers, in percent of one core.',
          kind: 'timeseries',
          unit: 'percent',
          queries: [
            ['cpu_impact_migration', 'all'],
            ['100 * sum(rate(jday_process_cpu_user_seconds_total[1m]))', 'user'],
            ['100 * sum(rate(jday_process_cpu_system_seconds_total[1m]))', 'system'],
          ],
        },
        {
          title: 'network_bandwidth_sync',
          about: 'What the workers read from and write to the stores.',
          kind: 'timeseries',
          unit: 'Bps',
          queries: [
            ['network_bandwidth_sync', 'all'],
            ['sum by (side, direction) (rate(jday_traffic_bytes_total[1m]))', '{{side}} {{direction}}'],
          ],
        },
      ],
    },
    {
      title: 'How the workers fare',
      panels: [
        {
          title: 'Event loop',
          about: 'How late the event loop of each worker runs; everything else waits for it.',
          kind: 'timeseries',
          unit: 's',
          queries: [
            ['jday_nodejs_eventloop_lag_p99_seconds', '{{instance}} p99'],
            ['jday_nodejs_eventloop_lag_seconds', '{{instance}} now'],
          ],
        },
        {
          title: 'Workers',
          about:
            'Whether each worker answers, since when it runs, and when the workflow last told it its progress.',
          kind: 'stat',
          unit: 'short',
          queries: [
            ['up{job="jday"}', '{{instance}} answers'],
            ['time() - jday_process_start_time_seconds', '{{instance}} seconds up'],
            [
              'min by (migration) (jday_migration_look_age_seconds)',
              '{{migration}} seconds since the last look',
            ],
          ],
        },
      ],
    },
  ],
};
