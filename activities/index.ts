import { runPreflight } from '../redis/preflight/run-preflight.ts';
import type { MigrationActivities } from '../workflows/activities.ts';
import { backupActivities } from './backups.ts';
import { beating } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { storeActivities } from './endings.ts';
import { withFailures } from './failures.ts';
import { measureImpactActivity } from './measure-impact.ts';
import { observeActivity } from './observe.ts';
import { rehearseSwitchActivity, switchActivity, unfenceActivity } from './switches.ts';
import { syncActivity } from './sync.ts';
import { verifyActivity, verifyAllActivity } from './verify.ts';

/** The port of the workflow, on the real world. No decision is taken in here. */
export function createActivities(dependencies: Dependencies): MigrationActivities {
  return withFailures({
    ...storeActivities(dependencies),
    ...backupActivities(dependencies),
    preflight: ({ plan }) =>
      beating(async () => ({
        checks: await runPreflight(plan, dependencies.environment, {
          temporalRetentionMs: await dependencies.retentionMs(),
        }),
        searchAttributes: await dependencies.searchAttributes(),
      })),
    sync: syncActivity(dependencies),
    verify: verifyActivity(dependencies),
    verifyAll: verifyAllActivity(dependencies),
    measureImpact: measureImpactActivity(dependencies),
    observe: observeActivity(dependencies),
    rehearseSwitch: rehearseSwitchActivity(dependencies),
    cutover: switchActivity(dependencies, 'target'),
    rollback: switchActivity(dependencies, 'source'),
    unfence: unfenceActivity(dependencies),
  } satisfies MigrationActivities);
}
