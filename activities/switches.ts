import type { Plan } from '../domain/plan.ts';
import type { SwitchReport } from '../domain/report.ts';
import type { Side } from '../domain/side.ts';
import { keyspaceOf } from '../domain/keyspace.ts';
import { linksOf } from '../domain/link.ts';
import { decidingRecord } from '../redis/authority-copies.ts';
import { writeControl } from '../redis/control.ts';
import { withStores } from '../redis/stores.ts';
import { lowerFence } from '../redis/switch/fence.ts';
import { keeperOf } from '../redis/switch/fence-records.ts';
import { rehearseSwitch } from '../redis/switch/rehearse-switch.ts';
import { switchAuthority } from '../redis/switch/switch-authority.ts';
import { beating } from './beating.ts';
import type { Dependencies } from './dependencies.ts';

/** Cutover (`to` the target) and rollback (`to` the source): one function with the sides swapped. */
export function switchActivity({ environment, record }: Dependencies, to: Side) {
  return ({ plan }: { plan: Plan }): Promise<SwitchReport> =>
    beating(async (tell) => {
      const report = await switchAuthority({ plan, environment, to, report: tell });
      record.switched(report, plan.gates.fenceBudgetMs);
      return report;
    });
}

export function rehearseSwitchActivity({ environment }: Dependencies) {
  return ({ plan }: { plan: Plan }) =>
    beating(() => withStores(plan, environment, 'rehearse', (stores) => rehearseSwitch(plan, stores)));
}

/** Opens the side that has the authority. Harmless where it is open. */
export function unfenceActivity({ environment }: Dependencies) {
  return ({ plan }: { plan: Plan }): Promise<void> =>
    beating(() =>
      withStores(plan, environment, 'unfence', async (stores) => {
        const keyspace = keyspaceOf(plan.migration);
        const side = (await decidingRecord(stores, plan))?.side ?? 'source';
        for (const one of stores.of(side)) await lowerFence(one, keyspace, keeperOf(stores, one));
        for (const link of linksOf(plan))
          await writeControl(stores.target.redis, keyspace, link.name, { paused: null });
      }),
    );
}
