import { keyspaceOf } from '../domain/keyspace.ts';
import { linksOf } from '../domain/link.ts';
import type { Plan } from '../domain/plan.ts';
import type { Throttle } from '../domain/throttle.ts';
import { claimStores, releaseStores } from '../redis/claim.ts';
import { writeControl } from '../redis/control.ts';
import { decideSuspects } from '../redis/decide-suspects.ts';
import { clearTarget } from '../redis/ending/clear-target.ts';
import { dropTraces } from '../redis/ending/drop-traces.ts';
import { settleSource } from '../redis/ending/settle-source.ts';
import { type Stores, withStores } from '../redis/stores.ts';
import { checkShardCount } from '../redis/sync/shard-count.ts';
import type { DecideInput } from '../workflows/activities.ts';
import { beating } from './beating.ts';
import { fencing } from './fencing.ts';
import type { Dependencies } from './dependencies.ts';

/** The short acts on the stores: taking and giving them back, joining the sessions, the bounds, and the steps of an end. */
export function storeActivities({ environment, isRunning }: Dependencies) {
  const on = <I extends { plan: Plan }, T>(
    purpose: string,
    act: (input: I, stores: Stores) => Promise<T>,
  ) => {
    return (input: I): Promise<T> =>
      beating(() => withStores(input.plan, environment, purpose, (stores) => act(input, stores)));
  };
  return {
    claim: on('claim', async ({ plan }, stores) => {
      for (const link of linksOf(plan))
        await checkShardCount(stores.target.redis, keyspaceOf(plan.migration), link);
      await claimStores(stores, plan, isRunning);
    }),
    release: on('release', ({ plan }, stores) => releaseStores(stores, plan.migration)),
    joinSessions: on('join', async ({ plan }, stores) => {
      const keyspace = keyspaceOf(plan.migration);
      for (const { name } of linksOf(plan)) {
        await writeControl(stores.target.redis, keyspace, name, { joins: 'jday' });
        // The copy, for a target that comes back without it.
        await writeControl(stores.named(name).redis, keyspace, name, { joins: 'jday' });
      }
    }),
    configure: on('configure', async ({ plan, throttle }: { plan: Plan; throttle: Throttle }, stores) => {
      const keyspace = keyspaceOf(plan.migration);
      for (const link of linksOf(plan))
        await writeControl(stores.target.redis, keyspace, link.name, { throttle });
    }),
    decide: on('decide', ({ plan, ...wanted }: DecideInput, stores) => decideSuspects(plan, stores, wanted)),
    settleSource: ({ plan }: { plan: Plan }) =>
      beating(() => fencing(plan, environment, (stores) => settleSource(plan, stores))),
    clearTarget: on('clear', ({ plan }, stores) => clearTarget(plan, stores)),
    dropTraces: on('drop', ({ plan, keepLedger }: { plan: Plan; keepLedger: boolean }, stores) =>
      dropTraces(plan, stores, keepLedger),
    ),
  };
}
