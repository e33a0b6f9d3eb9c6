import { FAILURES } from '../domain/failure.ts';
import { CLAIM_KEY } from '../domain/keyspace.ts';
import type { Plan } from '../domain/plan.ts';
import { readAuthority, writeAuthority } from './authority.ts';
import { raiseCopies } from './authority-copies.ts';
import { loadScripts } from './scripts/index.ts';
import type { Stores } from './stores.ts';

/** Another migration holds a store, or V2 serves already: nothing was changed. */
export class StoresClaimed extends Error {
  override readonly name = FAILURES.StoresClaimed;
}

/**
 * Takes every store for this migration and writes the first authority record where none stands. A claim of a
 * migration that is not running any more is taken over.
 *
 * @param isRunning whether the workflow of that migration still runs
 */
export async function claimStores(
  stores: Stores,
  plan: Plan,
  isRunning: (migration: string) => Promise<boolean>,
): Promise<void> {
  const { migration } = plan;
  const record = (await readAuthority(stores.target.redis)) ?? { side: 'source' as const, epoch: 1 };
  if (record.side === 'target') {
    throw new StoresClaimed('V2 has the authority already: a migration over these stores was completed');
  }
  for (const { store, redis } of stores.all) {
    const holder = await redis.get(CLAIM_KEY);
    if (holder !== null && holder !== migration && (await isRunning(holder))) {
      throw new StoresClaimed(`store ${store.name} is held by the running migration ${holder}`);
    }
  }
  for (const { redis } of stores.all) await redis.set(CLAIM_KEY, migration);
  // The target last: its record is the one that counts, so it stands only when the others do.
  for (const { redis } of [...stores.of('source'), stores.target]) {
    await raiseCopies(redis, plan, record);
    await writeAuthority(await loadScripts(redis), record);
  }
}

export async function releaseStores(stores: Stores, migration: string): Promise<void> {
  for (const { redis } of stores.all) {
    if ((await redis.get(CLAIM_KEY)) === migration) await redis.del(CLAIM_KEY);
  }
}
