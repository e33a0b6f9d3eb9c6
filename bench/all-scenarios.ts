import type { Scenario, Sizes } from './scenario.ts';
import { applyScenarios } from './scenarios/apply.ts';
import { copyScenarios } from './scenarios/copy.ts';
import { fenceScenarios } from './scenarios/fence.ts';
import { idleScenarios } from './scenarios/idle.ts';
import { lagScenarios } from './scenarios/lag.ts';
import { renewedTtlScenarios } from './scenarios/renewed-ttl.ts';
import { restartScenarios } from './scenarios/restart.ts';
import { shardCostScenarios } from './scenarios/shard-costs.ts';
import { shardsScenarios } from './scenarios/shards.ts';
import { verifyScenarios } from './scenarios/verify.ts';

export function allScenarios(sizes: Sizes): readonly Scenario[] {
  const makers = [
    applyScenarios,
    copyScenarios,
    lagScenarios,
    idleScenarios,
    restartScenarios,
    fenceScenarios,
    verifyScenarios,
    shardsScenarios,
    shardCostScenarios,
    renewedTtlScenarios,
  ];
  return makers.flatMap((make) => make(sizes));
}
