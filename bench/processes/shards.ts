import type { Plan } from '../../domain/plan.ts';
import { shardsOfPlan } from '../../domain/shard.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../../redis/connection.ts';
import { runSync } from '../../redis/sync/sync.ts';
import { serve } from './serve.ts';

export type ShardsInput = {
  readonly plan: Plan;
  readonly environment: Environment;
  /** Names of the shards that this process runs. */
  readonly shards: readonly string[];
};

/** Some shards of a link in one process, as a worker holds them, without Temporal around it. */
serve<ShardsInput, LinkStatus, null>(async ({ plan, environment, shards }, report, signal) => {
  const mine = shardsOfPlan(plan).filter(({ name }) => shards.includes(name));
  await Promise.all(
    mine.map((shard) => runSync({ plan, link: shard.link, shard, environment, report }, signal)),
  );
  return null;
});
