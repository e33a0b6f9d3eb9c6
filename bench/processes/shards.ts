import type { Plan } from '../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../domain/keys/shard.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import type { Environment } from '../../redis/client/connection.ts';
import { runSync } from '../../redis/replication/replicator.ts';
import { serve } from './serve.ts';

export type ShardsInput = {
  readonly plan: Plan;
  readonly environment: Environment;
  /** Names of the shards that this process runs. */
  readonly shards: readonly string[];
};

/** Runs some shards of a link in one process, as a worker does, but without Temporal. */
serve<ShardsInput, LinkStatus, null>(async ({ plan, environment, shards }, report, signal) => {
  const mine = shardsOfPlan(plan).filter(({ name }) => shards.includes(name));
  await Promise.all(
    mine.map((shard) => runSync({ plan, link: shard.link, shard, environment, report }, signal)),
  );
  return null;
});
