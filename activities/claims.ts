import type { Holder } from '../domain/authority/claim.ts';
import { keyspaceOf } from '../domain/keys/keyspace.ts';
import { linksOf } from '../domain/plan/plan.ts';
import { claimStores, holdsAll, noOthers, releaseStores } from '../redis/state/claim.ts';
import { claimLost } from '../redis/state/claim-lost.ts';
import { resolveSuspicion, NothingToDecide } from '../redis/state/resolve-suspicion.ts';
import { assertKnown, raiseRecords } from '../redis/state/authority.ts';
import { type Stores, withStores } from '../redis/client/stores.ts';
import { checkShardCount } from '../redis/replication/store/lease.ts';
import type { ClaimInput, ResolveInput } from '../workflows/activities.ts';
import { beating } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { type HeldInput, holderOf, type KnowingInput } from './held-stores.ts';

/**
 * The activities that write and remove the claims. All other activities prove by these claims that they reach the right
 * stores. `claim` and `release` therefore open the stores without that proof; `resolveSuspicion` also accepts a store
 * that holds no claim.
 */
export function claimActivities(dependencies: Dependencies) {
  const { environment, runState } = dependencies;
  const onAny = <I extends HeldInput, T>(
    purpose: string,
    act: (input: I, stores: Stores, holder: Holder) => Promise<T>,
  ) => {
    return (input: I): Promise<T> =>
      beating(async () => {
        const holder = await holderOf(dependencies, input);
        return withStores(input.plan, environment, purpose, (stores) => act(input, stores, holder));
      });
  };
  return {
    claim: onAny('claim', async ({ plan, takeOver }: ClaimInput, stores, holder) => {
      for (const link of linksOf(plan))
        await checkShardCount(stores.target.redis, keyspaceOf(plan.migration), link);
      return claimStores(stores, plan, { holder, runState, takeOver });
    }),
    release: onAny('release', async ({ plan, known }: KnowingInput, stores, holder) => {
      if (await holdsAll(stores, holder)) await assertKnown(stores, plan, known);
      await releaseStores(stores, holder);
    }),
    resolveSuspicion: (input: ResolveInput): Promise<void> =>
      beating(async () => {
        const holder = await holderOf(dependencies, input);
        const act = (stores: Stores) => decideOn(stores, input, holder);
        await withStores(input.plan, environment, 'resolve', act, noOthers(holder));
      }),
  };
}

async function decideOn(stores: Stores, input: ResolveInput, holder: Holder): Promise<void> {
  const { plan, run: _run, syncEnded = false, ...wanted } = input;
  const anew = await claimLost(stores, plan, holder, wanted);
  if (syncEnded) {
    // The syncs have ended. No other process would write the authority record there again.
    await raiseRecords(stores, plan);
    if (!anew) throw new NothingToDecide('the sync has ended, and every store holds its claim');
    return;
  }
  await resolveSuspicion(plan, stores, wanted, anew).catch((error: unknown) => {
    if (!(anew && error instanceof NothingToDecide)) throw error;
    // The store is claimed and its sync starts, so this part of the decision is done. The error tells the operator so.
    throw new NothingToDecide(
      `the store without a claim is claimed anew; nothing else was decided: ${error.message}`,
    );
  });
}
