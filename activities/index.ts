import { runPreflight } from '../redis/preflight/run-preflight.ts';
import type { MigrationActivities } from '../workflows/activities.ts';
import { backupActivities } from './backups.ts';
import { beating } from './beating.ts';
import { claimActivities } from './claims.ts';
import type { Dependencies } from './dependencies.ts';
import { storeActivities } from './endings.ts';
import { withFailures } from './failures.ts';
import { nextFencingNumberActivity } from './fencing.ts';
import { measureImpactActivity } from './measure-impact.ts';
import { observeActivity } from './observe.ts';
import { allRefusals, withReceivedPlans } from './received-plans.ts';
import { rehearseSwitchActivity, switchActivity, unfenceActivity } from './switches.ts';
import { syncActivity } from './sync.ts';
import { verifyActivity, verifyAllActivity } from './verify.ts';

/** Implements the port of the workflow on the real stores. The activities take no decision; the workflow does. */
export function createActivities(dependencies: Dependencies): MigrationActivities {
  const activities = {
    ...claimActivities(dependencies),
    ...storeActivities(dependencies),
    ...backupActivities(dependencies),
    preflight: ({ plan }) =>
      beating(async () => ({
        checks: await runPreflight(plan, dependencies.environment, {
          temporalRetentionMs: await dependencies.retentionMs(),
          refusals: await allRefusals(plan, dependencies),
        }),
        searchAttributes: await dependencies.searchAttributes(),
      })),
    sync: syncActivity(dependencies),
    verify: verifyActivity(dependencies),
    verifyAll: verifyAllActivity(dependencies),
    measureImpact: measureImpactActivity(dependencies),
    observe: observeActivity(dependencies),
    rehearseSwitch: rehearseSwitchActivity(dependencies),
    nextFencingNumber: nextFencingNumberActivity(dependencies),
    cutover: switchActivity(dependencies, 'target'),
    rollback: switchActivity(dependencies, 'source'),
    unfence: unfenceActivity(dependencies),
  } satisfies MigrationActivities;
  return withFailures(withReceivedPlans(activities, dependencies));
}
