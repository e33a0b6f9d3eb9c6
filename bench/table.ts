import { BUDGETS, type Budget, spaced } from './budgets.ts';
import type { Result, ScenarioResult } from './results.ts';
import { type Row, rowsOf, shownSpread } from './summary.ts';

type Found = { readonly result: Result; readonly scenario: ScenarioResult };

/** The generated part of docs/benchmarks.md: of each scenario the newest kept result counts. */
export function benchmarkTables(results: readonly Result[]): string {
  const newest = new Map<string, Found>();
  for (const result of results)
    for (const scenario of result.scenarios) newest.set(scenario.name, { result, scenario });
  const found = [...newest.values()];
  if (found.length === 0) return 'No result is kept yet.';
  return [
    conditions(found),
    budgetTable(newest),
    ...found.map(({ scenario }) => scenarioTable(scenario)),
  ].join('\n\n');
}

function conditions(found: readonly Found[]): string {
  const lines = new Set(
    found.map(({ result: { at, machine, rounds, keys, seconds, absent } }) => {
      const { cores, memoryGb, platform, node, redis } = machine;
      const peers =
        absent.length > 0 ? ` Not installed there, hence not measured: ${absent.join(', ')}.` : '';
      return `- ${at.slice(0, 10)}: ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}, Redis ${redis}, ${rounds} rounds (\`--keys ${keys} --seconds ${seconds}\`).${peers}`;
    }),
  );
  return `Measured\n\n${[...lines].join('\n')}`;
}

function budgetTable(newest: ReadonlyMap<string, Found>): string {
  const head = [
    '| what | budget | median (least–greatest) | × native | × pipelines | |',
    '|---|---|---|---|---|---|',
  ];
  const lines = BUDGETS.map((budget) => {
    const found = newest.get(budget.scenario);
    const rows = found ? rowsOf(found.scenario, budget.figure) : [];
    const of = (contender: string) => rows.find((row) => row.contender === contender);
    const cells = [
      budget.what,
      `${budget.kept === 'at least' ? '≥' : '≤'} ${spaced(budget.limit)} ${budget.unit}`,
      shownSpread(of('jday')?.value ?? null),
      shownSpread(of('native')?.ratio ?? null),
      shownSpread(of('pipelines')?.ratio ?? null),
      verdict(budget, of('jday'), found?.scenario),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [...head, ...lines].join('\n');
}

/** A round without a figure was lost or differed: then nothing is met, however fast the others were. */
function verdict(budget: Budget, ours: Row | undefined, scenario: ScenarioResult | undefined): string {
  const failed = scenario?.runs.some((run) => run.contender === 'jday' && run.figures === null);
  if (failed) return '**missed**: a round without a figure';
  if (!ours?.value) return 'not measured';
  const { median, least, greatest } = ours.value;
  const worst = budget.kept === 'at least' ? least : greatest;
  const value = budget.decides === 'median' ? median : worst;
  const met = budget.kept === 'at least' ? value >= budget.limit : value <= budget.limit;
  return met ? 'met' : '**missed**';
}

function scenarioTable(scenario: ScenarioResult): string {
  const contenders = [...new Set(scenario.runs.map(({ contender }) => contender))];
  const head = [
    `### ${scenario.name}`,
    '',
    `${scenario.question}.`,
    '',
    `| figure | ${contenders.join(' | ')} |`,
    `|---|${contenders.map(() => '---|').join('')}`,
  ];
  const lines = scenario.figures.map(({ name, unit }) => {
    const rows = rowsOf(scenario, name);
    const cell = ({ value, ratio }: Row) =>
      ratio && value ? `${shownSpread(value)}; jday × ${shownSpread(ratio)}` : shownSpread(value);
    return `| ${name}, ${unit} | ${rows.map(cell).join(' | ')} |`;
  });
  return [...head, ...lines].join('\n');
}
