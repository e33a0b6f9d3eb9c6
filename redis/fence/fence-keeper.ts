import { setTimeout as delay } from 'node:timers/promises';
import { claimProblem, type Holder } from '../../domain/authority/claim.ts';
import { CLAIM_KEY, keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import type { Shard } from '../../domain/keys/shard.ts';
import { readAuthority } from '../state/authority.ts';
import { proveClaim, WrongStore } from '../state/claim.ts';
import type { Environment } from '../client/connection.ts';
import { assertStillNamed } from '../client/sentinel.ts';
import { openStores, type Stores } from '../client/stores.ts';
import { fencingPurpose } from '../state/fencing-token.ts';
import { keepFence, type Renewal } from './keep-fence.ts';

/** Pause between two checks, ms. If a server forgets its fence, it stays open for about this long. */
const LOOK_MS = 1_000;
/**
 * Longest wait for a connection and for an answer, ms. It is short, so that a server that hung is asked again soon
 * after it is back.
 */
const PATIENCE_MS = 2_000;

export type FenceKeeping = {
  readonly plan: Plan;
  readonly shard: Shard;
  readonly environment: Environment;
  /** The run for which the keeper works. It fences nothing on a store that another run holds. */
  readonly holder?: Holder | undefined;
  /** Lease token of the sync attempt that started this keeper. */
  readonly token: number;
  /** Called after each check with the repairs that it has made. `failed` = the check failed with this error. */
  readonly told: (renewals: readonly Renewal[], failed?: unknown) => void;
  /**
   * Called when a check could not judge the fence, and when the keeper ends. `why` is a sentence without addresses.
   * Without it a fence that was not checked would look like a fence that stands.
   */
  readonly unable?: ((why: string) => void) | undefined;
};

/** Result of a check. `over` = the keeper ends, because a later attempt does its work or V2 was released. */
type Looked = 'go on' | 'over';

/**
 * Checks once a second whether the fence stands on the side of a link that does not serve, and raises it again if not.
 * Otherwise both sides could be written. The keeper needs nothing but the stores. It goes on while Temporal is away. It
 * also goes on after its sync attempt has failed, because the restart that opens a fence ends the attempt too.
 *
 * A keeper may be stopped at any line, and go on after a switch has opened that side. It must not raise the fence
 * there. It reads which side serves only after it has opened its connections to the masters of both stores. So if that
 * reading is wrong, the flip came after it, and these connections are older than the flip. A switch that opens a side
 * closes all connections of keepers after the flip (`endWatchers`), so the stopped keeper can send nothing more. A
 * connection to a replica may be younger, but before it sets a rule there, the keeper has to write the user's record on
 * a master (docs/decisions/0033-who-has-a-sync-keeps-its-fence.md). A check that fails also closes all connections. The
 * next check opens new ones and reads again.
 *
 * The keeper ends by the signal, when a later attempt has the lease, or when V2 was released. If another server answers
 * at V2's address, the check fails and is repeated, but the keeper does not end. The function never throws.
 */
export async function keepFenceOf(keeping: FenceKeeping, signal: AbortSignal): Promise<void> {
  const open: Open = { stores: null };
  while (!signal.aborted) {
    if ((await lookOrClose(keeping, open, signal)) === 'over') break;
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  open.stores?.close();
}

type Open = { stores: Stores | null };

/**
 * Does one check, and closes all connections if it fails. A check must not act through new connections on what it has
 * read through old ones.
 */
async function lookOrClose(keeping: FenceKeeping, open: Open, signal: AbortSignal): Promise<Looked> {
  try {
    open.stores ??= await openLink(keeping);
    return signal.aborted ? 'over' : await look(keeping, open.stores);
  } catch (error) {
    open.stores?.close();
    open.stores = null;
    if (!signal.aborted) keeping.told([], error);
    return 'go on';
  }
}

function openLink({ plan, shard, environment }: FenceKeeping): Promise<Stores> {
  const { source, target } = shard.link;
  const patience = { connectTimeout: PATIENCE_MS, commandTimeout: PATIENCE_MS };
  const purpose = fencingPurpose(plan.migration, 'watch');
  return openStores({ ...plan, stores: [source, target] }, environment, purpose, patience);
}

async function look(keeping: FenceKeeping, stores: Stores): Promise<Looked> {
  const { plan, shard, holder, token, told } = keeping;
  const without = (looked: Looked, why: string): Looked => {
    keeping.unable?.(why);
    return looked;
  };
  const target = stores.target.redis;
  const source = stores.named(shard.link.source.name);
  // First check whose store this is. An address may lead to another server for a while, and the lease and the record
  // there say nothing about ours.
  const problem = holder ? claimProblem(await target.get(CLAIM_KEY), holder, shard.link.target) : null;
  if (problem?.kind === 'wrong') throw new WrongStore(problem.sentence);
  const record = await readAuthority(target);
  // If V2 has the record but no claim, it has not lost its data: the run has released it.
  if (problem)
    return record
      ? without('over', 'V2 was given free')
      : without('go on', 'V2 holds no claim and no record');
  const lease = await target.get(keyspaceOf(plan.migration).lease(shard.name));
  if (Number(lease) > token) return without('over', 'a later attempt of the sync has the lease');
  if (!record) return without('go on', 'V2 does not say who serves');
  if (holder) await proveClaim(source.redis, source.store, holder);
  // If the source knows a later switch, V2 has lost its newest record and does not have it back yet. Each flip is
  // written on the source before its apps are let in. So raise nothing until both agree.
  const known = await readAuthority(source.redis);
  if (known && known.side !== record.side && known.epoch >= record.epoch)
    return without('go on', `${shard.link.source.name} knows a later switch than V2`);
  // The copy of V2's fence records is on the first source only, so only the keeper of its link watches the fence on V2.
  const [first] = linksOf(plan);
  if (record.side === 'source' && first?.name !== shard.link.name) {
    told([]);
    return 'go on';
  }
  for (const { redis } of stores.all) await assertStillNamed(redis);
  told(await keepFence(plan, stores, record.side));
  return 'go on';
}
