import type { Registry } from 'prom-client';
import type { ImpactStatus } from '../../domain/status.ts';
import { addGauge } from '../gauge.ts';
import { Latest } from '../latest.ts';

/** Measured every five minutes at days of 24 h: two in a row that are missing mean that nobody measures. */
export const IMPACT_SHOWN_MS = 600_000;

const FIGURES: readonly [name: string, help: string, (status: ImpactStatus) => number][] = [
  [
    'jday_impact_ratio',
    "What our work adds to the apps' response time, as a share of it.",
    ({ percent }) => percent / 100,
  ],
  ['jday_impact_low_ratio', 'Lower end of the confidence interval of the impact.', ({ low }) => low / 100],
  ['jday_impact_high_ratio', 'Upper end of the confidence interval of the impact.', ({ high }) => high / 100],
  [
    'jday_impact_windows',
    'Windows that the last measurement of the impact compared.',
    ({ windows }) => windows,
  ],
];

/** The last measurement of what our work costs the apps (L14). */
export function addImpactFamily(registry: Registry, nowMs: () => number): (status: ImpactStatus) => void {
  const latest = new Latest<ImpactStatus>(IMPACT_SHOWN_MS, nowMs);
  for (const [name, help, valueOf] of FIGURES) {
    addGauge(registry, { name, help }, () => latest.fresh().map((status) => [{}, valueOf(status)]));
  }
  addGauge(
    registry,
    {
      name: 'jday_impact_store_ratio',
      help: "What our work adds to the response time of the store's apps, as a share of it.",
      labels: ['store'],
    },
    () =>
      latest
        .fresh()
        .flatMap(({ stores = [] }) =>
          stores.map(({ store, percent }) => [{ store }, percent / 100] as const),
        ),
  );
  return (status) => latest.remember('', status);
}
