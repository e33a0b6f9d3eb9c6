import { checkPlan } from '../domain/plan-file/plan-check.ts';
import type { Plan } from '../domain/plan/plan.ts';
import type { Environment } from '../redis/client/connection.ts';
import { KEY_PREFIX } from './data-set.ts';
import type { StagedServer } from './stage.ts';

export type Transform = 'none' | 'offers_to_jobs';

export type PlanChange = {
  /** Name of the ACL user of the apps, the same on both sides. */
  readonly appUser?: string;
  /** 0 = no limit. */
  readonly copyKeysPerSecond?: number;
};

/**
 * Returns a plan with one source. It has no throttle unless `copyKeysPerSecond` is given, because the bench measures
 * the highest speed.
 */
export function benchPlan(
  transform: Transform,
  { appUser = '', copyKeysPerSecond = 0 }: PlanChange = {},
): Plan {
  const plan = checkPlan(
    {
      migration: 'bench',
      stores: [
        { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: appUser, otherWriters: ['default'] },
        { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: appUser, otherWriters: ['default'] },
      ],
      datasets: [{ name: 'matches', from: 'v1', patterns: [`${KEY_PREFIX}*`], role: 'cache', transform }],
      throttle: {
        copyKeysPerSecond,
        copyBytesPerSecond: 0,
        verifyKeysPerSecond: 0,
        verifyBytesPerSecond: 0,
      },
    },
    { SOURCE_V1: 'redis://source', TARGET_V2: 'redis://target' },
  );
  if (!('migration' in plan)) throw new Error(`the plan of the bench: ${JSON.stringify(plan)}`);
  return plan;
}

export function benchEnvironment(source: StagedServer, target: StagedServer): Environment {
  return { SOURCE_V1: source.server.url(), TARGET_V2: target.server.url() };
}
