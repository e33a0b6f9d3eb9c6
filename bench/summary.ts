import type { ScenarioResult } from './results.ts';

/** One figure of a contender: its values, and the ratio of our values to them. */
export type SummaryRow = {
  readonly contender: string;
  readonly value: Spread | null;
  readonly ratio: Spread | null;
};

/**
 * The ratio is our figure divided by the figure of the peer in the same round. A round in which one of them has no
 * figure gives no ratio.
 */
export function rowsOf(result: ScenarioResult, figure: string): readonly SummaryRow[] {
  const contenders = [...new Set(result.runs.map(({ contender }) => contender))];
  const of = (contender: string, round: number): number =>
    result.runs.find((run) => run.contender === contender && run.round === round)?.figures?.[figure] ?? NaN;
  const rounds = [...new Set(result.runs.map(({ round }) => round))];
  return contenders.map((contender) => ({
    contender,
    value: spreadOf(rounds.map((round) => of(contender, round))),
    ratio:
      contender === 'jday' ? null : spreadOf(rounds.map((round) => of('jday', round) / of(contender, round))),
  }));
}

/** Three significant digits, with spaces between the thousands. */
export function shownFigure(value: number): string {
  const short = Number(value.toPrecision(3));
  return short >= 10_000 ? short.toLocaleString('en-US').replaceAll(',', ' ') : String(short);
}

export function shownSpread(spread: Spread | null): string {
  if (!spread) return '–';
  return `${shownFigure(spread.median)} (${shownFigure(spread.least)}–${shownFigure(spread.greatest)})`;
}

/** Median with the least and the greatest value. With five rounds on a shared machine a mean would say less. */
type Spread = { readonly median: number; readonly least: number; readonly greatest: number };

function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.filter(Number.isFinite).sort((one, other) => one - other);
  if (sorted.length === 0) return null;
  return { median: percentile(sorted, 0.5), least: sorted[0] ?? NaN, greatest: sorted.at(-1) ?? NaN };
}

/** Nearest-rank percentile of sorted numbers. Between two middle numbers the median is the lower one. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
