import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Run, ScenarioResult } from './results.ts';
import type { Contender, Figures, Scenario } from './scenario.ts';
import type { Seeds } from './seed.ts';
import { Stage } from './stage.ts';

export type RoundOptions = {
  readonly rounds: number;
  readonly profile: boolean;
  /** Of this run of the bench; each stage gets a folder in it. */
  readonly folder: string;
  readonly seeds: Seeds;
  readonly tell: (run: Run, scenario: Scenario) => void;
};

/**
 * All contenders in every round, one after the other, in turning order: what the machine does besides, and what a run
 * leaves behind, falls on everybody alike, and a ratio is one of two runs side by side.
 */
export async function runRounds(scenario: Scenario, options: RoundOptions): Promise<ScenarioResult> {
  const runs: Run[] = [];
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
): Promise<Run> {
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

/** Four digits tell everything that such a measurement knows. */
function rounded(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
}
