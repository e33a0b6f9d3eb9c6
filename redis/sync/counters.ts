import { otherSide, type Side } from '../../domain/side.ts';
import type { ByDirection, Lag } from '../../domain/status.ts';

const WINDOW_MS = 6_000;
const MOST_SAMPLES = 4_096;

/** What a sync attempt counts. Lag is measured over the last 6 s: beats once a second, and every carried change. */
export class Counters {
  copied = 0;
  conflicts = 0;
  readonly carried: Record<Side, number> = { source: 0, target: 0 };
  readonly #samples: Record<Side, { at: number; ms: number }[]> = { source: [], target: [] };

  /** A change or a beat arrived on `to`, `ms` after it was made. */
  arrived(to: Side, ms: number, nowMs: number): void {
    const samples = this.#samples[to];
    samples.push({ at: nowMs, ms });
    // Half at a time: to take out the oldest at each new one costs more than all the rest of the count.
    if (samples.length >= 2 * MOST_SAMPLES) samples.splice(0, MOST_SAMPLES);
  }

  lag(nowMs: number): ByDirection<Lag> {
    return { toTarget: this.#lagTo('target', nowMs), toSource: this.#lagTo('source', nowMs) };
  }

  #lagTo(to: Side, nowMs: number): Lag {
    const recent = this.#samples[to].slice(-MOST_SAMPLES).filter((sample) => sample.at > nowMs - WINDOW_MS);
    this.#samples[to] = recent;
    const sorted = recent.map((sample) => sample.ms).sort((a, b) => a - b);
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  }
}

/** Nearest-rank percentile; `null` for no sample. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

export function byDirection(from: (side: Side) => number): ByDirection<number> {
  return { toTarget: from(otherSide('target')), toSource: from(otherSide('source')) };
}
