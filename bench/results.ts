import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Machine } from './machine.ts';
import type { Figure, Figures } from './scenario.ts';

/** One run of one contender: its figures, or why it gets none. */
export type Run = {
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
  readonly runs: readonly Run[];
};

/** A file of bench/results. */
export type Result = {
  readonly at: string;
  readonly rounds: number;
  /** What the run was told, where a scenario has no size of its own: keys of the data set, seconds of a load. */
  readonly keys: number;
  readonly seconds: number;
  readonly machine: Machine;
  /** Peers that were looked for and not found. */
  readonly absent: readonly string[];
  readonly scenarios: readonly ScenarioResult[];
};

const FOLDER = fileURLToPath(new URL('./results/', import.meta.url));

/** Keeps a result; two runs of one day over the same groups keep both. */
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
