import { Counter, type Registry } from 'prom-client';

export type CounterAbout = {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
};

/**
 * A counter fed with totals that begin anew with each attempt: a total that went down, or one of another attempt,
 * counts whole. What an attempt did before this process first heard of it counts too.
 *
 * @returns `attempt` tells attempts apart where the total alone could not: a new one may have overtaken the old
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
