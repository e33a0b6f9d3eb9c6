import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allScenarios } from './all-scenarios.ts';
import { findRedisShake } from './contenders/redis-shake.ts';
import { writeDocsPage } from './report.ts';
import { thisMachine } from './machine.ts';
import { type BenchOptions, optionsOf, BENCH_USAGE } from './options.ts';
import { keepResult, type ScenarioResult } from './results.ts';
import { runRounds } from './rounds.ts';
import type { Scenario } from './scenario.ts';
import { Seeds } from './data-set.ts';
import { rowsOf, shownFigure, shownSpread } from './summary.ts';

const print = (line: string) => void process.stdout.write(`${line}\n`);

async function main(options: BenchOptions): Promise<void> {
  if (options.help) return print(BENCH_USAGE);
  if (options.docs) return writeDocsPage();
  const scenarios = chosen(options);
  // Set these handlers before anything exists that could be left behind. The `exit` handler of servers/child.ts ends
  // the servers.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const folder = mkdtempSync(join(tmpdir(), 'jday-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const absent = findRedisShake() ? [] : ['redis-shake'];
  for (const peer of absent) print(`${peer} is not on PATH: not part of this run`);
  const results: ScenarioResult[] = [];
  const seeds = new Seeds(folder);
  for (const scenario of scenarios) {
    print(`\n${scenario.name}: ${scenario.question}`);
    const { rounds, profile } = options;
    results.push(
      await runRounds(scenario, {
        rounds,
        profile,
        folder,
        seeds,
        tell: ({ round, contender, figures, reason }) => {
          const told = figures ? figuresLine(figures) : `no figure: ${reason}`;
          print(`  ${round} ${contender.padEnd(22)} ${told}`);
        },
      }),
    );
    summarize(results.at(-1) as ScenarioResult);
  }
  const lost = results.flatMap(({ runs }) => runs).filter(({ figures }) => figures === null);
  if (lost.length > 0) process.exitCode = 1;
  if (options.quick || options.profile) return;
  const { rounds, keys, seconds } = options;
  const told = { rounds, keys, seconds };
  const at = new Date().toISOString();
  const result = { at, ...told, machine: thisMachine(), absent, scenarios: results };
  print(`\nkept as bench/results/${keepResult(result)}`);
}

function chosen({ only, quick, keys, seconds }: BenchOptions): readonly Scenario[] {
  const all = allScenarios({ quick, keys, seconds });
  const names = new Set(all.flatMap(({ group, name }) => [group, name]));
  const unknown = only.filter((name) => !names.has(name));
  if (unknown.length > 0)
    throw new Error(`no scenario ${unknown.join(', ')}; there are ${[...names].join(', ')}`);
  return only.length === 0
    ? all
    : all.filter(({ group, name }) => only.includes(group) || only.includes(name));
}

function figuresLine(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${shownFigure(value)}`)
    .join(' · ');
}

function summarize(result: ScenarioResult): void {
  for (const { name, unit } of result.figures) {
    print(`  ${name}, ${unit}: median (least–greatest)`);
    for (const { contender, value, ratio } of rowsOf(result, name)) {
      if (!value) continue;
      print(
        `    ${contender.padEnd(22)} ${shownSpread(value)}${ratio ? `; jday is × ${shownSpread(ratio)}` : ''}`,
      );
    }
  }
}

try {
  await main(optionsOf(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
process.exit();
