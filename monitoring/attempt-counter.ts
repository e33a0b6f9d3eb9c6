import { Counter, type Registry } from 'prom-client';

export type CounterAbout = {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
};

/**
 * Adds a counter that is fed with totals. Each attempt counts its totals from 0 again. So a total that is smaller than
 * the one before it, or that comes from another attempt, is added whole. The total that this process hears first is
 * added whole too.
 *
 * @returns a function that takes the newest total. Its `attempt` says which attempt the total comes from: the total
 *   alone does not, because the total of a new attempt may already be greater than the old one
 */
export function addAttemptCounter(
  registry: Registry,
  about: CounterAbout,
): (labels: Readonly<Record<string, string>>, total: number, attempt?: number) => void {
  const counter = new Counter({
    name: about.name,
    help: about.help,
    labelNames: about.labels,
    registers: [registry],
  });
  const seen = new Map<string, { total: number; attempt: number }>();
  return (labels, total, attempt = 0) => {
    const series = JSON.stringify(labels);
    const before = seen.get(series);
    const continues = before !== undefined && before.attempt === attempt && before.total <= total;
    counter.inc({ ...labels }, continues ? total - before.total : total);
    seen.set(series, { total, attempt });
  };
}
