import type { Scenario, Sizes } from './scenario.ts';
import { copyScenarios } from './scenarios/copy.ts';
import { lagScenarios } from './scenarios/lag.ts';

export function allScenarios(sizes: Sizes): readonly Scenario[] {
  return [...copyScenarios(sizes), ...lagScenarios(sizes)];
}
