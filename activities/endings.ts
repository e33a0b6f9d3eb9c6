import { keyspaceOf } from '../domain/keys/keyspace.ts';
import { linksOf } from '../domain/plan/plan.ts';
import type { Throttle } from '../domain/plan/throttle.ts';
import { writeControl } from '../redis/state/control.ts';
import { clearTarget } from '../redis/cleanup/clear-target.ts';
import { dropRecords } from '../redis/cleanup/drop-records.ts';
import { drainToSource } from '../redis/cutover/request-drain.ts';
import type { Stores } from '../redis/client/stores.ts';
import type { FencingInput } from '../workflows/activities.ts';
import { beating } from './beating.ts';
import { fencing } from './fencing.ts';
import type { Dependencies } from './dependencies.ts';
import { type HeldInput, holderOf, type KnowingInput, withHeldStores } from './held-stores.ts';

/**
 * The short activities on stores that this run holds: joining the sessions, setting the bounds, and the steps of an
 * ending.
 */
export function storeActivities(dependencies: Dependencies) {
  const on = <I extends HeldInput, T>(purpose: string, act: (input: I, stores: Stores) => Promise<T>) => {
    return (input: I): Promise<T> =>
      beating(() => withHeldStores(dependencies, input, purpose, (stores) => act(input, stores)));
  };
  return {
    joinSessions: on('join', async ({ plan }, stores) => {
      const keyspace = keyspaceOf(plan.migration);
      for (const { name } of linksOf(plan)) {
        await writeControl(stores.target.redis, keyspace, name, { joins: 'jday' });
        // A copy on the source. A target that comes back without its data gets this setting back from there.
        await writeControl(stores.named(name).redis, keyspace, name, { joins: 'jday' });
      }
    }),
    configure: on('configure', async ({ plan, throttle }: HeldInput & { throttle: Throttle }, stores) => {
      const keyspace = keyspaceOf(plan.migration);
      for (const link of linksOf(plan))
        await writeControl(stores.target.redis, keyspace, link.name, { throttle });
    }),
    drainToSource: (input: FencingInput) =>
      beating(() => fencing(dependencies, input, (stores) => drainToSource(input.plan, stores))),
    clearTarget: on('clear', ({ plan, known }: KnowingInput, stores) => clearTarget(plan, stores, known)),
    dropRecords: on('drop', async (input: KnowingInput & { keepLedger: boolean }, stores) => {
      const { plan, known, keepLedger } = input;
      await dropRecords(plan, stores, keepLedger, known, await holderOf(dependencies, input));
    }),
  };
}
