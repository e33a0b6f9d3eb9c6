import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from './machine.ts';
import type { Figure, Figures } from './scenario.ts';

/** One run of one contender: its figures, or the reason why it has none. */
export type BenchRun = {
  readonly round: number;
  readonly contender: string;
  readonly figures: Figures | null;
  readonly reason?: string;
};

export type ScenarioResult = {
  readonly name: string;
  readonly group: string;
  readonly question: string;
  readonly figures: readonly Figure[];
  readonly runs: readonly BenchRun[];
};

/** The content of a file of bench/results. */
export type Result = {
  readonly at: string;
  readonly rounds: number;
  /**
   * Options of the run: keys of the data set, and seconds of a load. Scenarios with a size of their own ignore them.
   */
  readonly keys: number;
  readonly seconds: number;
  readonly machine: Machine;
  /** Peers that are not installed. */
  readonly absent: readonly string[];
  readonly scenarios: readonly ScenarioResult[];
};

const FOLDER = fileURLToPath(new URL('./results/', import.meta.url));

/**
 * Writes a result to a file. The file name contains the minute, so two runs of one day are both kept.
 *
 * @returns the file name
 */
export function keepResult(result: Result): string {
  mkdirSync(FOLDER, { recursive: true });
  const groups = [...new Set(result.scenarios.map(({ group }) => group))].join('-');
  const stamp = result.at.slice(0, 16).replace(/[:]/g, '').replace('T', '-');
  const name = `${stamp}-${groups.length > 60 ? 'all' : groups}.json`;
  writeFileSync(join(FOLDER, name), `${JSON.stringify(result, null, 1)}\n`);
  return name;
}

/** All results, oldest first. */
export function keptResults(): readonly Result[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Result)
    .sort((one, other) => one.at.localeCompare(other.at));
}
