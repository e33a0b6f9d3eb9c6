import type { ScenarioResult } from './results.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** Of one figure: what a contender measured, and how we compare to it, round by round. */
export type Row = {
  readonly contender: string;
  readonly value: Spread | null;
  readonly ratio: Spread | null;
};

/** Our figure divided by the peer's of the same round; a round in which either has none gives no ratio. */
export function rowsOf(result: ScenarioResult, figure: string): readonly Row[] {
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

/** Three significant digits, thousands apart. */
export function shown(value: number): string {
  const short = Number(value.toPrecision(3));
  return short >= 10_000 ? short.toLocaleString('en-US').replaceAll(',', ' ') : String(short);
}

export function shownSpread(spread: Spread | null): string {
  if (!spread) return '–';
  return `${shown(spread.median)} (${shown(spread.least)}–${shown(spread.greatest)})`;
}
