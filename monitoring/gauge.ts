import { Gauge, type Registry } from 'prom-client';

/** One line of a gauge. `null` = not known, hence not exposed: absent is not healthy (L7), and zero would be a claim. */
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | null];

export type GaugeAbout = {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
};

/** A gauge that is computed at each scrape from what is known then, so that it can never claim an old value. */
export function addGauge(
  registry: Registry,
  { name, help, labels: labelNames = [] }: GaugeAbout,
  samples: () => readonly Sample[],
): void {
  new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      // reset() leaves a zero where there is no label.
      if (labelNames.length === 0) this.remove();
      for (const [labels, value] of samples()) if (value !== null) this.set({ ...labels }, value);
    },
  });
}

export function flag(value: boolean): number {
  return value ? 1 : 0;
}

export function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}
