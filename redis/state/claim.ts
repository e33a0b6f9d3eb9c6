import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  claimProblem,
  claimText,
  type Holder,
  isHeldBy,
  isOfTemporal,
  readClaim,
} from '../../domain/authority/claim.ts';
import { FAILURES } from '../../domain/run/failure.ts';
import { CLAIM_KEY } from '../../domain/keys/keyspace.ts';
import type { Plan, Store } from '../../domain/plan/plan.ts';
import type { AuthorityRecord } from '../../domain/authority/authority-record.ts';
import { raiseCopies, readAuthority, writeAuthority } from './authority.ts';
import type { IdentityProof } from '../client/connection.ts';
import { loadScripts } from '../scripts/runner.ts';
import type { OpenStore, Stores } from '../client/stores.ts';

/**
 * The run cannot take the stores: another run holds one of them, or V2 serves already. No app data was changed. If the
 * refusal came in the middle, the first stores hold this run's claim.
 */
export class StoresClaimed extends Error {
  override readonly name = FAILURES.StoresClaimed;
}

/**
 * The address does not lead to the store that was claimed. It leads to another server or database, or another run holds
 * the store.
 */
export class WrongStore extends Error {
  override readonly name = FAILURES.WrongStore;
}

/**
 * The store holds no claim. Either it is another server, or it is our store and has lost its data. The worker cannot
 * tell which. A wrong guess would write into a stranger's database, or replicate the loss to the other side. So an
 * operator decides.
 */
export class StoreUnclaimed extends Error {
  override readonly name = FAILURES.StoreUnclaimed;
}

/**
 * Proves that a connection reaches the store that was claimed. The worker does this for every connection when it opens
 * it, because an address may lead to another server. Our connections never reconnect, so the proof stays valid for the
 * life of the connection.
 *
 * @throws WrongStore the store holds the claim of another store or of another run
 * @throws StoreUnclaimed the store holds no claim
 */
export async function proveClaim(redis: Redis, store: Store, holder: Holder): Promise<void> {
  const problem = claimProblem(await redis.get(CLAIM_KEY), holder, store);
  if (problem?.kind === 'unclaimed') throw new StoreUnclaimed(problem.sentence);
  if (problem) throw new WrongStore(problem.sentence);
}

/**
 * Returns a proof like `proveClaim` that also accepts a store without a claim. It is for callers that first find out
 * whether such a store is ours, and write to it only after that.
 */
export function noOthers(holder: Holder): IdentityProof {
  return (redis, store) =>
    proveClaim(redis, store, holder).catch((error: unknown) => {
      if (!(error instanceof StoreUnclaimed)) throw error;
    });
}

/** State of the run that a claim names. `unknown` = this Temporal never had the run, or does not keep it any more. */
export type HolderState = 'running' | 'closed' | 'unknown';

export type Claiming = {
  readonly holder: Holder;
  readonly runState: (holder: Holder) => Promise<HolderState>;
  /** Token of a claim that this run may replace because an operator said so (`--take-over`). */
  readonly takeOver?: string | undefined;
};

/**
 * Claims every store for this run. Writes the first authority record (V1 serves, epoch 1) if V2 has none. The run may
 * replace the claim of another run only if Temporal confirms that the other run has ended. For every other foreign
 * claim an operator decides.
 *
 * @returns the authority record, which says which side serves
 * @throws StoresClaimed
 */
export async function claimStores(stores: Stores, plan: Plan, claiming: Claiming): Promise<AuthorityRecord> {
  const record = (await readAuthority(stores.target.redis)) ?? { side: 'source' as const, epoch: 1 };
  if (record.side === 'target') {
    throw new StoresClaimed('V2 has the authority already: a migration over these stores was completed');
  }
  // Check all stores before claiming the first one, so that a refusal here changes nothing.
  for (const one of stores.all) await replaceable(one, claiming);
  const token = randomUUID();
  for (const one of stores.all) await write(one, await replaceable(one, claiming), claiming.holder, token);
  // Write V2's record last. It decides, so it must appear only when the other stores have theirs.
  for (const { redis } of [...stores.of('source'), stores.target]) {
    await raiseCopies(redis, plan, record);
    await writeAuthority(await loadScripts(redis), record);
  }
  return record;
}

/**
 * Returns the text of the claim in a store, if this run may replace it; `null` = the store holds no claim.
 *
 * @throws StoresClaimed this run must not replace the claim
 */
async function replaceable({ store, redis }: OpenStore, claiming: Claiming): Promise<string | null> {
  const text = await redis.get(CLAIM_KEY);
  if (text === null) return null;
  const claim = readClaim(text);
  if (claim === null)
    throw new StoresClaimed(
      `store ${store.name} holds a claim that cannot be read: look whose it is, then remove jday:claim by hand`,
    );
  if (isHeldBy(claim, claiming.holder) || claim.token === claiming.takeOver) return text;
  const held = `store ${store.name} is held by the migration ${claim.migration}`;
  const word = `if it is gone for good, start with --take-over ${claim.token}`;
  if (!isOfTemporal(claim, claiming.holder))
    throw new StoresClaimed(
      `${held} of another Temporal (namespace ${claim.namespace}): end it there; ${word}`,
    );
  const state = await claiming.runState(claim);
  if (state === 'closed') return text;
  if (state === 'running') throw new StoresClaimed(`${held}, which is running: abort it first`);
  throw new StoresClaimed(`${held}, of a run that this Temporal does not know: ${word}`);
}

async function write(one: OpenStore, found: string | null, holder: Holder, token: string): Promise<void> {
  const { store, redis } = one;
  const claim = found === null ? null : readClaim(found);
  if (claim && isHeldBy(claim, holder)) {
    // An earlier attempt of this run has claimed the store.
    if (claim.store === store.name) return;
    throw new StoresClaimed(
      `stores ${claim.store} and ${store.name} are one database: correct their addresses`,
    );
  }
  const text = claimText({ ...holder, store: store.name, side: store.side, token });
  const run = await loadScripts(redis);
  if (Number(await run('replace', [CLAIM_KEY], [found ?? '', text])) !== 1)
    throw new StoresClaimed(`store ${store.name} was claimed by somebody else at this moment: try again`);
}

/**
 * Writes our claim into a store that holds none. The caller knows that the store is ours: an operator said so, or the
 * server is still the process that the sync knew before.
 *
 * @throws StoresClaimed another run has claimed the store at the same moment
 */
export async function claimAnew(one: OpenStore, holder: Holder): Promise<void> {
  await write(one, null, holder, randomUUID());
}

/**
 * Returns true if this run still holds the claim of every store. A claim may have been released, lost with the data, or
 * replaced by another run.
 */
export async function holdsAll(stores: Stores, holder: Holder): Promise<boolean> {
  const claims = await Promise.all(stores.all.map(({ redis }) => redis.get(CLAIM_KEY)));
  return claims.every((text) => {
    const claim = text === null ? null : readClaim(text);
    return claim !== null && isHeldBy(claim, holder);
  });
}

/** Removes the claims of this run. The claims of other runs stay. */
export async function releaseStores(stores: Stores, holder: Holder): Promise<void> {
  for (const { redis } of stores.all) {
    const text = await redis.get(CLAIM_KEY);
    const claim = text === null ? null : readClaim(text);
    if (text === null || claim === null || !isHeldBy(claim, holder)) continue;
    await (await loadScripts(redis))('replace', [CLAIM_KEY], [text, '']);
  }
}
