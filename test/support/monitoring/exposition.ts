import type { Metrics } from '../../../monitoring/metrics.ts';

/** Reads the content of `/metrics`: `name{label="value"}` → number. */
export async function exposed(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  const lines = (await metrics.exposition())
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, series = '', value = ''] = /^(.+) (\S+)$/.exec(line) ?? [];
      return [series, Number(value)];
    }),
  );
}

/** Returns the names of all metrics, including those without a value yet. */
export async function metricNames(metrics: Metrics): Promise<readonly string[]> {
  return [...(await metrics.exposition()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
}
