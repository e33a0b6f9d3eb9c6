import { Counter, type Registry } from 'prom-client';
import type { Side } from '../../domain/plan/plan.ts';

export type TrafficDirection = 'read' | 'written';

/** Bytes that our own connections move. */
export function addTrafficFamily(
  registry: Registry,
): (side: Side, direction: TrafficDirection, bytes: number) => void {
  const counter = new Counter({
    name: 'jday_traffic_bytes_total',
    help: 'Bytes that we have read from and written to the stores of that side.',
    labelNames: ['side', 'direction'],
    registers: [registry],
  });
  for (const side of ['source', 'target'])
    for (const direction of ['read', 'written']) counter.inc({ side, direction }, 0);
  return (side, direction, bytes) => counter.inc({ side, direction }, bytes);
}
