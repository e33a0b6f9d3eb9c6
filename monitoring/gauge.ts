import { Gauge, type Registry } from 'prom-client';

/**
 * One line of a gauge. `null` = unknown. Then the line is absent: an absent value is not taken for a healthy one, but 0
 * would be a claim.
 */
export type GaugeSample = readonly [labels: Readonly<Record<string, string>>, value: number | null];

export type GaugeAbout = {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
};

/** Adds a gauge that is computed at each scrape from what is known then. So it can never show an old value. */
export function addGauge(
  registry: Registry,
  { name, help, labels: labelNames = [] }: GaugeAbout,
  samples: () => readonly GaugeSample[],
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      // reset() leaves a zero when the gauge has no labels.
      if (labelNames.length === 0) this.remove();
      for (const [labels, value] of samples()) if (value !== null) this.set({ ...labels }, value);
    },
  });
}

export function flagGauge(value: boolean): number {
  return value ? 1 : 0;
}

export function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
