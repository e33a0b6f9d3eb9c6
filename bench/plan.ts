import { checkPlan } from '../domain/plan-check.ts';
import type { Plan } from '../domain/plan.ts';
import type { Environment } from '../redis/connection.ts';
import { KEY_PREFIX } from './data-set.ts';
import type { StagedServer } from './stage.ts';

export type Transform = 'none' | 'offers_to_jobs';

export type PlanChange = {
  /** ACL users of the apps, one each side. */
  readonly appUser?: string;
  /** 0 = no limit. */
  readonly copyKeysPerSecond?: number;
};

/** A migration of one source without any throttle: what is measured is how fast it can be. */
export function benchPlan(
  transform: Transform,
  { appUser = '', copyKeysPerSecond = 0 }: PlanChange = {},
): Plan {
  const plan = checkPlan(
    {
      migration: 'bench',
      stores: [
        { name: 'v1', side: 'source', url: '${SOURCE_V1}', appUsers: appUser },
        { name: 'v2', side: 'target', url: '${TARGET_V2}', appUsers: appUser },
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

export function environmentOf(source: StagedServer, target: StagedServer): Environment {
  return { SOURCE_V1: source.server.url(), TARGET_V2: target.server.url() };
}
