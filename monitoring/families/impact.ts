import type { Registry } from 'prom-client';
import { pointOf } from '../../domain/gates/impact.ts';
import type { ImpactStatus, StoreImpact } from '../../domain/gates/status.ts';
import { addGauge, type GaugeSample } from '../gauge.ts';
import { Latest } from '../latest.ts';

/**
 * Longest age of a measurement that is shown, ms. At days of 24 h the impact is measured every five minutes. When two
 * measurements in a row are missing, the probe no longer runs.
 */
export const IMPACT_SHOWN_MS = 600_000;

/** A measurement, with the impact that the plan allows. */
type Measured = { readonly status: ImpactStatus; readonly limitPercent: number };

const FIGURES: readonly [name: string, help: string, (measured: Measured) => number | null][] = [
  [
    'jday_impact_ratio',
    "What our work adds to the apps' response time, as a share of it; absent where the interval is wider than the limit.",
    ({ status, limitPercent }) => share(status, limitPercent),
  ],
  [
    'jday_impact_low_ratio',
    'Lower end of the confidence interval of the impact.',
    ({ status }) => status.low / 100,
  ],
  [
    'jday_impact_high_ratio',
    'Upper end of the confidence interval of the impact.',
    ({ status }) => status.high / 100,
  ],
  [
    'jday_impact_windows',
    'Windows that the last measurement of the impact compared.',
    ({ status }) => status.windows,
  ],
];

/** The last measurement of how much slower our work makes the apps. */
export function addImpactFamily(
  registry: Registry,
  nowMs: () => number,
): (status: ImpactStatus, limitPercent: number) => void {
  const latest = new Latest<Measured>(IMPACT_SHOWN_MS, nowMs);
  for (const [name, help, valueOf] of FIGURES) {
    addGauge(registry, { name, help }, () => latest.fresh().map((measured) => [{}, valueOf(measured)]));
  }
  addGauge(
    registry,
    {
      name: 'jday_impact_store_ratio',
      help: "What our work adds to the response time of the store's apps; absent like the one above.",
      labels: ['store'],
    },
    () =>
      latest
        .fresh()
        .flatMap(({ status: { stores = [] }, limitPercent }) =>
          stores.map((one): GaugeSample => [{ store: one.store }, share(one, limitPercent)]),
        ),
  );
  return (status, limitPercent) => latest.remember('', { status, limitPercent });
}

function share(impact: ImpactStatus | StoreImpact, limitPercent: number): number | null {
  const point = pointOf(impact, limitPercent);
  return point === null ? null : point / 100;
}
