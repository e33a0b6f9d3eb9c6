import { keptResults, type Result, type ScenarioResult } from './results.ts';
import { type SummaryRow, rowsOf, shownSpread } from './summary.ts';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

type Found = { readonly result: Result; readonly scenario: ScenarioResult };

/** Returns the generated part of docs/benchmarks.md. For each scenario the newest kept result counts. */
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

/**
 * A round of jday without a figure has failed, lost data or differed. Then the budget is missed, however fast the other
 * rounds were.
 */
function verdict(budget: Budget, ours: SummaryRow | undefined, scenario: ScenarioResult | undefined): string {
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
    const cell = ({ value, ratio }: SummaryRow) =>
      ratio && value ? `${shownSpread(value)}; jday × ${shownSpread(ratio)}` : shownSpread(value);
    return `| ${name}, ${unit} | ${rows.map(cell).join(' | ')} |`;
  });
  return [...head, ...lines].join('\n');
}

/** A performance promise of the project, and the figure of a scenario that is compared with it. */
type Budget = {
  readonly what: string;
  readonly scenario: string;
  readonly figure: string;
  readonly limit: number;
  readonly kept: 'at least' | 'at most';
  readonly unit: string;
  /** Which round decides. A figure about rare events is only as good as its worst round. */
  readonly decides: 'median' | 'worst';
};

const atLeast = { kept: 'at least', decides: 'median' } as const;
const atMost = { kept: 'at most', decides: 'median' } as const;
const never = { kept: 'at most', decides: 'worst' } as const;
const SIZES = [10_000, 100_000, 1_000_000];

export const BUDGETS: readonly Budget[] = [
  {
    what: 'initial copy, mixed types, ledger included',
    scenario: 'copy',
    figure: 'keysPerSecond',
    limit: 60_000,
    unit: 'keys/s',
    ...atLeast,
  },
  {
    what: 'lag p50 at 5 000 writes/s, split over both sides',
    scenario: 'lag-both-5000',
    figure: 'p50Ms',
    limit: 1,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p99 at 5 000 writes/s, split over both sides',
    scenario: 'lag-both-5000',
    figure: 'p99Ms',
    limit: 10,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p50 at 5 000 writes/s, one way',
    scenario: 'lag-5000',
    figure: 'p50Ms',
    limit: 1,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p99 at 5 000 writes/s, one way',
    scenario: 'lag-5000',
    figure: 'p99Ms',
    limit: 10,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'lag p99 at 20 000 writes/s, split over both sides',
    scenario: 'lag-both-20000',
    figure: 'p99Ms',
    limit: 100,
    unit: 'ms',
    ...atMost,
  },
  {
    what: 'verification of whole values with expiry, through the transform',
    scenario: 'verify',
    figure: 'keysPerSecond',
    limit: 80_000,
    unit: 'keys/s',
    ...atLeast,
  },
  ...SIZES.flatMap((keys) => [
    {
      what: `writes blocked at cutover, ${spaced(keys)} keys, 1 000 writes/s`,
      scenario: `fence-${keys}`,
      figure: 'cutoverBlockedMs',
      limit: 100,
      unit: 'ms',
      ...never,
    },
    {
      what: `writes blocked at rollback, ${spaced(keys)} keys, 1 000 writes/s`,
      scenario: `fence-${keys}`,
      figure: 'rollbackBlockedMs',
      limit: 1_000,
      unit: 'ms',
      ...never,
    },
  ]),
  {
    what: 'rollback as a whole, 1 000 000 keys',
    scenario: 'fence-1000000',
    figure: 'rollbackWholeMs',
    limit: 10_000,
    unit: 'ms',
    ...never,
  },
  {
    what: 'worker killed -9 until synced again, 300 000 keys, 1 000 writes/s',
    scenario: 'recovery',
    figure: 'seconds',
    limit: 10,
    unit: 's',
    ...never,
  },
  {
    what: 'memory of the worker at 1 000 000 keys',
    scenario: 'size-1000000',
    figure: 'toolPeakMb',
    limit: 300,
    unit: 'MB',
    ...never,
  },
];

function spaced(value: number): string {
  return value.toLocaleString('en-US').replaceAll(',', ' ');
}

const PAGE = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const BEGIN = '<!-- generated by npm run bench -- --docs: begin -->';
const END = '<!-- generated by npm run bench -- --docs: end -->';

/** Replaces the generated part of the page. Everything else stays as it is. */
export function withTables(page: string, tables: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('docs/benchmarks.md lacks its markers');
  return `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`;
}

export function writeDocsPage(): void {
  writeFileSync(PAGE, withTables(readFileSync(PAGE, 'utf8'), benchmarkTables(keptResults())));
}
