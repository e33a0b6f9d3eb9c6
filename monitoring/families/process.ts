import { collectDefaultMetrics, type Registry } from 'prom-client';

const PREFIX = 'jday_';

/**
 * The metrics of the process that stay; all others are removed. Some of the others have a wrong name (gauges that end
 * in `_total`). `process_cpu_user_seconds_total` and `nodejs_eventloop_lag_seconds` must stay: their code also fills in
 * the CPU total and the percentiles of the lag.
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
