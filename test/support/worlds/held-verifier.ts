import { MockActivityEnvironment } from '@temporalio/testing';
import { verifyActivity } from '../../../activities/verify.ts';
import type { Dependencies } from '../../../activities/dependencies.ts';
import { CLAIM_KEY } from '../../../domain/keys/keyspace.ts';
import type { Plan } from '../../../domain/plan/plan.ts';
import type { VerifyStatus } from '../../../domain/gates/status.ts';
import { claimAnew } from '../../../redis/state/claim.ts';
import type { TestRedis } from '../servers/redis.ts';

type Servers = {
  readonly v1: TestRedis;
  readonly v2: TestRedis;
  environment(): Dependencies['environment'];
};

/** Runs the verifier activity of link v1, on stores that its run has claimed. `statuses` are its reports. */
export function startHeldVerifier(plan: Plan, { v1, v2, environment }: Servers) {
  const statuses: VerifyStatus[] = [];
  const namespace = 'test';
  const activity = new MockActivityEnvironment({ namespace, activityNamespace: namespace });
  const holder = { migration: plan.migration, run: 'run-1', namespace, cluster: 'temporal-1' };
  const dependencies = {
    environment: environment(),
    record: { verified: (status: VerifyStatus) => statuses.push(status) },
    cluster: async () => holder.cluster,
  } as unknown as Dependencies;
  const run = async () => {
    for (const store of plan.stores) {
      const { client: redis } = store.side === 'source' ? v1 : v2;
      if ((await redis.exists(CLAIM_KEY)) === 0) await claimAnew({ store, redis }, holder);
    }
    await activity.run(verifyActivity(dependencies), { plan, run: holder.run, link: 'v1' });
  };
  const done = run().catch(() => undefined);
  return { statuses, cancel: () => activity.cancel('CANCELLED'), done };
}
