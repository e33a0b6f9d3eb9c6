import { Context } from '@temporalio/activity';
import type { Holder } from '../domain/authority/claim.ts';
import type { KnownRecord } from '../domain/authority/authority-record.ts';
import type { Plan } from '../domain/plan/plan.ts';
import { proveClaim } from '../redis/state/claim.ts';
import type { IdentityProof } from '../redis/client/connection.ts';
import { type Stores, withStores } from '../redis/client/stores.ts';
import type { Dependencies } from './dependencies.ts';

/** Input of every activity but `preflight`. `run`: id of the first run of the workflow that asks. */
export type HeldInput = { readonly plan: Plan; readonly run: string };

/**
 * Input of a step that is refused when the stores hold another authority record than `known`. `null` = not compared.
 */
export type KnowingInput = HeldInput & { readonly known: KnownRecord | null };

/** The holder that this activity acts for. The activity must not touch a store that another holder has claimed. */
export async function holderOf({ cluster }: Dependencies, { plan, run }: HeldInput): Promise<Holder> {
  const { namespace } = Context.current().info;
  return { migration: plan.migration, run, namespace, cluster: await cluster() };
}

/**
 * Every connection of this activity proves before its first use that it reaches the claimed store. Without this proof a
 * wrong address would make us write into another database.
 */
export async function proofFor(dependencies: Dependencies, held: HeldInput): Promise<IdentityProof> {
  const holder = await holderOf(dependencies, held);
  return (redis, store) => proveClaim(redis, store, holder);
}

/**
 * Opens the stores that this run holds, does the work, and closes them.
 *
 * @throws WrongStore, StoreUnclaimed when a store does not hold the claim of this run
 */
export async function withHeldStores<T>(
  dependencies: Dependencies,
  held: HeldInput,
  purpose: string,
  work: (stores: Stores) => Promise<T>,
): Promise<T> {
  const prove = await proofFor(dependencies, held);
  return withStores(held.plan, dependencies.environment, purpose, work, prove);
}
