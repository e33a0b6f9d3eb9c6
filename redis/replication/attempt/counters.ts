import { otherSide, type Side } from '../../../domain/plan/plan.ts';
import type { ByDirection, Lag } from '../../../domain/gates/status.ts';
import { BUCKETS } from '../../../domain/keys/slot.ts';

const WINDOW_MS = 6_000;
const MOST_SAMPLES = 4_096;
/**
 * With fewer samples the lag is unknown (`null`): one sample is no percentile, and an unknown lag must not look good.
 * One heartbeat a second gives six samples in the window.
 */
const LEAST_SAMPLES = 3;

/**
 * The counters of one attempt. The lag covers the last 6 s; its samples are the heartbeats (one a second) and every
 * replicated change.
 */
export class Counters {
  copied = 0;
  conflicts = 0;
  /** Stray writes: changes on the source while V2 serves. */
  strays = 0;
  /** Keys that the verifier found different, and that the sync repaired. */
  repaired = 0;
  readonly carried: Record<Side, number> = { source: 0, target: 0 };
  readonly #samples: Record<Side, { at: number; ms: number }[]> = { source: [], target: [] };

  /**
   * Records that a change or a heartbeat arrived on `to`.
   *
   * @param ms since the event of the change, or since the heartbeat was sent
   */
  arrived(to: Side, ms: number, nowMs: number): void {
    const samples = this.#samples[to];
    samples.push({ at: nowMs, ms });
    // Drops half of the samples at a time. Dropping the oldest one at each new sample costs more than all other work of
    // this counter.
    if (samples.length >= 2 * MOST_SAMPLES) samples.splice(0, MOST_SAMPLES);
  }

  lag(nowMs: number): ByDirection<Lag> {
    return { toTarget: this.#lagTo('target', nowMs), toSource: this.#lagTo('source', nowMs) };
  }

  #lagTo(to: Side, nowMs: number): Lag {
    const recent = this.#samples[to].slice(-MOST_SAMPLES).filter((sample) => sample.at > nowMs - WINDOW_MS);
    this.#samples[to] = recent;
    if (recent.length < LEAST_SAMPLES) return { p50: null, p99: null };
    const sorted = recent.map((sample) => sample.ms).sort((a, b) => a - b);
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  }
}

/** Nearest-rank percentile. */
function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** Asks `from` for the number of each side, and names each number by the direction that leads away from that side. */
export function byDirection(from: (side: Side) => number): ByDirection<number> {
  return { toTarget: from(otherSide('target')), toSource: from(otherSide('source')) };
}

/** The number of ledger entries on each side. */
type Sizes = Readonly<Record<Side, number>>;

/**
 * Counts the ledger entries on both sides. For each bucket it keeps the number that the walk over the ledger found
 * there last (`redis/replication/snapshot/stale-entries.ts`).
 */
export class LedgerSize {
  readonly #buckets = { source: new Uint32Array(BUCKETS), target: new Uint32Array(BUCKETS) };
  readonly #sums = { source: 0, target: 0 };
  #whole = false;

  /** @param bucket the bucket's number */
  found(side: Side, bucket: number, entries: number): void {
    const buckets = this.#buckets[side];
    this.#sums[side] += entries - (buckets[bucket] ?? 0);
    buckets[bucket] = entries;
  }

  /** The walk has counted every bucket of both sides once. */
  walked(): void {
    this.#whole = true;
  }

  /** `null` = the first walk has not counted every bucket yet. */
  get entries(): Sizes | null {
    return this.#whole ? { ...this.#sums } : null;
  }
}
