import { Counter, type Registry } from 'prom-client';
import { addGauge, seconds } from '../gauge.ts';

/**
 * Counts how often a check found the fence open after a switch and raised it again. Each time apps could write for
 * about a second.
 */
export function addFenceFamily(registry: Registry): (store: string, times: 0 | 1) => void {
  const counter = new Counter({
    name: 'jday_fence_raised_again_total',
    help: 'Times that the fence of that store did not stand any more and was raised again.',
    labelNames: ['store'],
    registers: [registry],
  });
  return (store, times) => counter.inc({ store }, times);
}

/**
 * The age of the last check that could say which side serves and whether the other side is fenced. It counts from the
 * start of the link's fence keeper on.
 */
export function addFenceLookFamily(registry: Registry, nowMs: () => number) {
  const judgedAt = new Map<string, number>();
  addGauge(
    registry,
    {
      name: 'jday_fence_look_age_seconds',
      help: 'Since a look beside the sync of the link could judge its fence.',
      labels: ['link'],
    },
    () => [...judgedAt].map(([link, atMs]) => [{ link }, seconds(nowMs() - atMs)]),
  );
  return {
    look(link: string, came: 'judged' | 'ended'): void {
      if (came === 'judged') judgedAt.set(link, nowMs());
      else judgedAt.delete(link);
    },
    /** The migration has ended. There is nothing to check any more, so no age must grow. */
    end: () => judgedAt.clear(),
  };
}
