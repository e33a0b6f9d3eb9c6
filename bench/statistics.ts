/** Median with the least and the greatest: of five rounds on a shared machine a mean would say less. */
export type Spread = { readonly median: number; readonly least: number; readonly greatest: number };

export function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other);
  if (sorted.length === 0) return null;
  return { median: percentile(sorted, 0.5), least: sorted[0] ?? NaN, greatest: sorted.at(-1) ?? NaN };
}

/** Nearest-rank percentile of sorted numbers; of an even count of medians the lower one. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
