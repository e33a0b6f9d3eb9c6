import { collectDefaultMetrics, type Registry } from 'prom-client';

const PREFIX = 'jday_';

/**
 * What is shown of the process. Those that nobody looks at go: some are misnamed (gauges that end in `_total`), and
 * the CPU total and the lag percentiles are filled in by `process_cpu_user_seconds_total` and `nodejs_eventloop_lag_seconds`.
 */
const KEPT = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_p99_seconds',
].map((name) => PREFIX + name);

/** CPU and memory of this worker process. */
export function addProcessFamily(registry: Registry): void {
  const before = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  collectDefaultMetrics({ register: registry, prefix: PREFIX });
  for (const { name } of registry.getMetricsAsArray())
    if (!before.has(name) && !KEPT.includes(name)) registry.removeSingleMetric(name);
}
