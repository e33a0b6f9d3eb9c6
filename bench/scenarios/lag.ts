import type { Scenario, Sizes } from '../scenario.ts';
export function lagScenarios(_sizes: Sizes): readonly Scenario[] {
  return [];
}
