import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../../domain/keys/shard.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import type { Environment } from '../../../redis/client/connection.ts';
import { runSync } from '../../../redis/replication/replicator.ts';

/**
 * The only message of the parent: the shards whose syncs this process runs. The process answers with their statuses.
 */
export type Assignment = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly shards: readonly string[];
};

/** Runs the syncs of some shards. A sync that ends begins again, as with a worker under Temporal. */
process.on('message', ({ plan, environment, shards }: Assignment) => {
  for (const shard of shardsOfPlan(plan).filter(({ name }) => shards.includes(name)))
    void (async () => {
      const options = { plan, link: shard.link, shard, environment };
      const report = (status: LinkStatus) => void process.send?.(status);
      for (;;) {
        await runSync({ ...options, report }, new AbortController().signal).catch(() => undefined);
        await delay(100);
      }
    })();
});
process.on('disconnect', () => process.exit());
