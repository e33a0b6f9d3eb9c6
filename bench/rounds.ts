import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchRun, ScenarioResult } from './results.ts';
import type { Contender, Figures, Scenario } from './scenario.ts';
import type { Seeds } from './data-set.ts';
import { Stage } from './stage.ts';

export type RoundOptions = {
  readonly rounds: number;
  readonly profile: boolean;
  /** The folder of this run of the bench. Each stage gets a folder in it. */
  readonly folder: string;
  readonly seeds: Seeds;
  readonly tell: (run: BenchRun, scenario: Scenario) => void;
};

/**
 * Runs all contenders in every round, one after the other. Every second round reverses their order, so that none of
 * them profits from its place. Other work of the machine then affects all contenders alike, and a ratio compares two
 * runs of the same round.
 */
export async function runRounds(scenario: Scenario, options: RoundOptions): Promise<ScenarioResult> {
  const runs: BenchRun[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    const order = round % 2 === 1 ? scenario.contenders : [...scenario.contenders].reverse();
    for (const contender of order) {
      const run = await runOnce(scenario, contender, round, options);
      options.tell(run, scenario);
      runs.push(run);
    }
  }
  const { name, group, question, figures } = scenario;
  return { name, group, question, figures, runs };
}

async function runOnce(
  scenario: Scenario,
  contender: Contender,
  round: number,
  { folder, seeds, profile }: RoundOptions,
): Promise<BenchRun> {
  const stage = new Stage(join(folder, `${scenario.name}-${contender.name}-${round}`), seeds, profile);
  const late = new AbortController();
  try {
    const figures = await Promise.race([contender.run(stage), deadline(scenario.deadlineMs, late.signal)]);
    return { round, contender: contender.name, figures: rounded(figures) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'failed';
    return { round, contender: contender.name, figures: null, reason };
  } finally {
    late.abort();
    await stage.close();
  }
}

async function deadline(ms: number, signal: AbortSignal): Promise<never> {
  await delay(ms, undefined, { signal });
  throw new Error(`not done within ${ms} ms`);
}

/** Rounds to four digits. The measurement is not more precise than that. */
function rounded(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
}
