import type { Holder } from '../../domain/authority/claim.ts';
import { CLAIM_KEY } from '../../domain/keys/keyspace.ts';
import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import { claimAnew } from './claim.ts';
import { NothingToDecide, type WantedDecision } from './resolve-suspicion.ts';
import type { OpenStore, Stores } from '../client/stores.ts';

/**
 * Claims again a store that came back without its claim. An operator who decides about a suspect side also confirms
 * that the store without a claim on that side is ours and has lost data. With the new claim the syncs can begin.
 *
 * @param wanted the link and side that the operator named, if any
 * @returns true if a store was claimed
 * @throws NothingToDecide several stores lack a claim and the operator did not name one, or further stores still lack
 *   theirs after this one was claimed
 */
export async function claimLost(
  stores: Stores,
  plan: Plan,
  holder: Holder,
  wanted: Pick<WantedDecision, 'link' | 'side'>,
): Promise<boolean> {
  const lost: OpenStore[] = [];
  for (const one of stores.all) if ((await one.redis.get(CLAIM_KEY)) === null) lost.push(one);
  if (lost.length === 0) return false;
  const meant = lost.filter((one) => isMeant(one, wanted));
  const [one, ...more] = meant;
  if (!one || more.length > 0)
    throw new NothingToDecide(`say link and side. Without a claim: ${namesOf(lost, plan)}`);
  await claimAnew(one, holder);
  const left = lost.filter((other) => other !== one);
  if (left.length > 0)
    throw new NothingToDecide(
      `store ${one.store.name} is claimed anew. Still without a claim: ${namesOf(left, plan)}`,
    );
  return true;
}

/**
 * Returns true if the operator means this store. A link has the name of its source store, and V2 is the target of every
 * link. So for side `target` any link name fits.
 */
function isMeant(
  { store }: OpenStore,
  { link, side = store.side }: Pick<WantedDecision, 'link' | 'side'>,
): boolean {
  return store.side === side && (side === 'target' || link === undefined || link === store.name);
}

function namesOf(stores: readonly OpenStore[], plan: Plan): string {
  const [first] = linksOf(plan);
  return stores
    .map(({ store }) => `${store.side === 'source' ? store.name : first?.name} ${store.side}`)
    .join(', ');
}
