import type { SwitchReport } from '../domain/run/report.ts';
import type { Side } from '../domain/plan/plan.ts';
import { openServing } from '../redis/cutover/open-side.ts';
import { rehearseSwitch } from '../redis/cutover/rehearse.ts';
import { switchAuthority } from '../redis/cutover/switch-authority.ts';
import type { FencingInput } from '../workflows/activities.ts';
import { beating } from './beating.ts';
import { fencing, tokenOfAttempt } from './fencing.ts';
import type { Dependencies } from './dependencies.ts';
import { type HeldInput, proofFor, withHeldStores } from './held-stores.ts';

/** The activities `cutover` (`to` = target) and `rollback` (`to` = source): one function with the sides swapped. */
export function switchActivity(dependencies: Dependencies, to: Side) {
  const { environment, record, allowance } = dependencies;
  return (input: FencingInput): Promise<SwitchReport> =>
    beating(async (tell) => {
      const { plan, known } = input;
      const prove = await proofFor(dependencies, input);
      const report = await switchAuthority({
        plan,
        environment,
        programs: allowance.programs,
        to,
        token: tokenOfAttempt(input),
        report: tell,
        prove,
        known,
      });
      record.switched(report, plan.gates.fenceBudgetMs);
      return report;
    });
}

export function rehearseSwitchActivity(dependencies: Dependencies) {
  return (held: HeldInput) =>
    beating(() =>
      withHeldStores(dependencies, held, 'rehearse', (stores) => rehearseSwitch(held.plan, stores)),
    );
}

/**
 * Lowers the fence that a broken attempt has left, and returns the side that serves. It holds the switch lease, so a
 * broken attempt that goes on later cannot change that side any more.
 */
export function unfenceActivity(dependencies: Dependencies) {
  return (input: FencingInput): Promise<Side> =>
    beating(() => fencing(dependencies, input, (stores) => openServing(stores, input.plan)));
}
