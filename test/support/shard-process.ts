import { setTimeout as delay } from 'node:timers/promises';
import type { Plan } from '../../domain/plan.ts';
import { shardsOfPlan } from '../../domain/shard.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../../redis/connection.ts';
import { runSync } from '../../redis/sync/sync.ts';

/** What the parent says once: whose syncs to run. What it hears: statuses. */
export type Assignment = {
  readonly plan: Plan;
  readonly environment: Environment;
  readonly shards: readonly string[];
};

/** Runs the syncs of some shards, each begun again whenever it ends, as a worker under Temporal does. */
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
