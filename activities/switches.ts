import type { Plan } from '../domain/plan.ts';
import type { SwitchReport } from '../domain/report.ts';
import type { Side } from '../domain/side.ts';
import { withStores } from '../redis/stores.ts';
import { openServing } from '../redis/switch/open-serving.ts';
import { rehearseSwitch } from '../redis/switch/rehearse-switch.ts';
import { switchAuthority } from '../redis/switch/switch-authority.ts';
import { beating } from './beating.ts';
import { fencing, tokenOfAttempt } from './fencing.ts';
import type { Dependencies } from './dependencies.ts';

/** Cutover (`to` the target) and rollback (`to` the source): one function with the sides swapped. */
export function switchActivity({ environment, record }: Dependencies, to: Side) {
  return ({ plan }: { plan: Plan }): Promise<SwitchReport> =>
    beating(async (tell) => {
      const report = await switchAuthority({ plan, environment, to, token: tokenOfAttempt(), report: tell });
      record.switched(report, plan.gates.fenceBudgetMs);
      return report;
    });
}

export function rehearseSwitchActivity({ environment }: Dependencies) {
  return ({ plan }: { plan: Plan }) =>
    beating(() => withStores(plan, environment, 'rehearse', (stores) => rehearseSwitch(plan, stores)));
}

/** What a broken attempt has left. Says who serves: from here on it can no more change that. */
export function unfenceActivity({ environment }: Dependencies) {
  return ({ plan }: { plan: Plan }): Promise<Side> =>
    beating(() => fencing(plan, environment, (stores) => openServing(stores, plan)));
}
