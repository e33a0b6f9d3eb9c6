import type { ImpactStatus, StoreImpact } from './status.ts';

/** p95 of the response times with our work on and with it off, ms, of two windows next to each other. */
export type WindowPair = { readonly onMs: number; readonly offMs: number };

export type Interval = { readonly median: number; readonly low: number; readonly high: number };

/** How sure the interval is, where there are pairs enough: six give 95 %, fewer give their whole range. */
const CONFIDENCE = 0.95;

/**
 * Impact over paired on/off windows: for each store the median of the percent differences with a distribution-free
 * interval. The whole has the greatest figure of each kind: an interval for what the store that feels us most feels.
 *
 * @param pairs by name of store; only stores with a pair count
 * @param floorMs differences are set against at least this response time: what is too short to be felt is no impact
 * @returns `windows` = number of pairs of the store with the fewest
 * @throws RangeError without a pair: nothing measured is not 0 % (L7)
 */
export function impactOf(
  pairs: ReadonlyMap<string, readonly WindowPair[]>,
  atMs: number,
  floorMs: number,
): ImpactStatus {
  const measured = [...pairs].filter(([, ofStore]) => ofStore.length > 0);
  if (measured.length === 0) throw new RangeError('impact of no windows');
  const stores = measured.map(([store, ofStore]) => {
    const { median, low, high } = medianInterval(ofStore.map((pair) => percentDifference(pair, floorMs)));
    return { store, percent: median, low, high };
  });
  const greatest = (of: (one: StoreImpact) => number) => Math.max(...stores.map(of));
  return {
    at: atMs,
    percent: greatest(({ percent }) => percent),
    low: greatest(({ low }) => low),
    high: greatest(({ high }) => high),
    windows: Math.min(...measured.map(([, ofStore]) => ofStore.length)),
    stores,
  };
}

export function percentDifference({ onMs, offMs }: WindowPair, floorMs: number): number {
  return ((onMs - offMs) * 100) / Math.max(offMs, floorMs);
}

/** Nearest rank: the smallest sample that at least 95 % of the samples do not exceed. */
export function p95(samples: readonly number[]): number {
  const sorted = [...samples].sort((one, other) => one - other);
  const value = sorted[Math.ceil(0.95 * sorted.length) - 1];
  if (value === undefined) throw new RangeError('p95 of no samples');
  return value;
}

/**
 * Median and its interval from binomial order statistics (David and Nagaraja, Order Statistics, §7.1): of n sorted
 * values, P(x(k) ≤ median ≤ x(n+1−k)) ≥ 1 − 2·P(B ≤ k−1) with B ~ Bin(n, ½), whatever their distribution. Takes the
 * largest k that keeps this at or above the confidence, and k = 1, the whole range, where none does.
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = [...values].sort((one, other) => one - other);
  const k = intervalRank(sorted.length);
  const [low, high] = [sorted[k - 1], sorted[sorted.length - k]];
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (low === undefined || high === undefined || below === undefined || above === undefined) {
    throw new RangeError('median of no values');
  }
  return { median: (below + above) / 2, low, high };
}

/** The largest k with 2·P(Bin(n, ½) ≤ k−1) ≤ 1 − confidence; at least 1. */
function intervalRank(n: number): number {
  let term = 2 ** -n;
  let tail = term;
  let k = 0;
  while (2 * tail <= 1 - CONFIDENCE && k < n / 2) {
    k++;
    term = (term * (n - k + 1)) / k;
    tail += term;
  }
  return Math.max(1, k);
}
