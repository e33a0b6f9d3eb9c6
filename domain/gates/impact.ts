import type { ImpactStatus, StoreImpact } from './status.ts';

/** p95 of the response times in two windows next to each other, one with our work on and one with it off, ms. */
export type WindowPair = { readonly onMs: number; readonly offMs: number };

export type Interval = { readonly median: number; readonly low: number; readonly high: number };

/**
 * With fewer pairs the interval proves nothing: even the whole range of the values does not hold the median with 95 %.
 */
export const PROVING_WINDOWS = 6;

/** Confidence of the interval. Six pairs give 95 %. Fewer pairs give their whole range. */
const CONFIDENCE = 0.95;

/**
 * Computes the impact from pairs of on/off windows. For each store it takes the median of the percent differences and a
 * distribution-free interval. The result has the greatest figure of each kind, so it is an interval for the store that
 * feels our work most.
 *
 * @param pairs by the name of the store; only stores with a pair count
 * @param floorMs each difference is taken as a percentage of at least this response time, ms: a difference too short to
 * feel is no impact
 * @returns `windows` is the number of pairs of the store with the fewest
 * @throws RangeError when there is no pair: no measurement does not mean 0 %
 */
export function impactOf(pairs: ReadonlyMap<string, readonly WindowPair[]>, floorMs: number): ImpactStatus {
  const measured = [...pairs].filter(([, ofStore]) => ofStore.length > 0);
  if (measured.length === 0) throw new RangeError('impact of no windows');
  const stores = measured.map(([store, ofStore]) => {
    const { median, low, high } = medianInterval(ofStore.map((pair) => percentDifference(pair, floorMs)));
    return { store, percent: median, low, high };
  });
  const greatest = (of: (one: StoreImpact) => number) => Math.max(...stores.map(of));
  return {
    percent: greatest(({ percent }) => percent),
    low: greatest(({ low }) => low),
    high: greatest(({ high }) => high),
    windows: Math.min(...measured.map(([, ofStore]) => ofStore.length)),
    stores,
  };
}

/** Where the whole interval lies: above or below the limit. `unknown`: it holds the limit, or it proves nothing. */
export type Standing = 'above' | 'below' | 'unknown';

/** Returns what a measurement proves about the limit. Only proof may slow our work, stop a migration or let it pass. */
export function standingOf(
  { low, high, windows }: Pick<ImpactStatus, 'low' | 'high' | 'windows'>,
  limitPercent: number,
): Standing {
  if (windows < PROVING_WINDOWS) return 'unknown';
  if (low > limitPercent) return 'above';
  return high < limitPercent ? 'below' : 'unknown';
}

/**
 * Returns the median, percent; `null` when the interval is wider than the limit. The median of such a measurement is
 * noise, and nobody may see it as a figure.
 */
export function pointOf(
  { percent, low, high }: Pick<ImpactStatus, 'percent' | 'low' | 'high'>,
  limitPercent: number,
): number | null {
  return high - low > limitPercent ? null : percent;
}

/** Returns an impact for a person: `1.2 %`, `not measurable here (−20 to 233 %)` or `above 5 % (12 to 233 %)`. */
export function impactWords(impact: ImpactStatus, limitPercent: number): string {
  const point = pointOf(impact, limitPercent);
  if (point !== null) return `${shown(point)} %`;
  const standing = standingOf(impact, limitPercent);
  const where = standing === 'unknown' ? 'not measurable here' : `${standing} ${limitPercent} %`;
  return `${where} (${intervalWords(impact)})`;
}

/** Returns the interval for a person: `−20 to 233 %`. */
export function intervalWords({ low, high }: Pick<ImpactStatus, 'low' | 'high'>): string {
  return `${shown(low)} to ${shown(high)} %`;
}

/** From ten percent on a decimal says nothing. */
function shown(percent: number): string {
  const rounded = Math.abs(percent) < 10 ? Math.round(percent * 10) / 10 : Math.round(percent);
  return String(rounded).replace('-', '−');
}

export function percentDifference({ onMs, offMs }: WindowPair, floorMs: number): number {
  return ((onMs - offMs) * 100) / Math.max(offMs, floorMs);
}

/**
 * Nearest rank: returns the smallest sample that at least 95 % of the samples do not exceed.
 *
 * @throws RangeError when there is no sample
 */
export function p95(samples: readonly number[]): number {
  const sorted = [...samples].sort((one, other) => one - other);
  const value = sorted[Math.ceil(0.95 * sorted.length) - 1];
  if (value === undefined) throw new RangeError('p95 of no samples');
  return value;
}

/**
 * Returns the median and its interval from binomial order statistics (David and Nagaraja, Order Statistics, §7.1). For
 * n sorted values, P(x(k) ≤ median ≤ x(n+1−k)) ≥ 1 − 2·P(B ≤ k−1) with B ~ Bin(n, ½), whatever the distribution of the
 * values. The function takes the largest k that keeps this at or above the confidence. When no k does, it takes k = 1,
 * the whole range.
 *
 * @throws RangeError when there is no value
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

/** Returns the largest k with 2·P(Bin(n, ½) ≤ k−1) ≤ 1 − confidence, at least 1. */
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
