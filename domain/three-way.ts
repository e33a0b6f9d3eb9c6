import { ABSENT, type Digest, expireAtOf } from './digest.ts';
import type { Side } from './side.ts';

/** What one look at one side showed; `nowMs` is that server's own clock. */
export type Look = { readonly digest: Digest; readonly nowMs: number };

/** The states of both sides when they last agreed. */
export type Agreed = Readonly<Record<Side, Digest>>;

export type Decision =
  | { readonly do: 'nothing' }
  /** Both are gone: the ledger entry goes too. */
  | { readonly do: 'forget' }
  /** One side changed: its state travels. */
  | { readonly do: 'carry'; readonly to: Side }
  /** Both changed: equal after the transform, or the authority wins and the loser is journaled (L2). */
  | { readonly do: 'contest' };

/**
 * The three-way decision of the protocol for one key. It also ends echoes: a write of ours is what the ledger
 * says, so nothing has changed (L3). Never a word about which server is newer: only states count.
 */
export function decide(agreed: Agreed | null, source: Look, target: Look): Decision {
  if (source.digest === ABSENT && target.digest === ABSENT) return { do: agreed ? 'forget' : 'nothing' };
  const sourceChanged = changed(agreed?.source ?? ABSENT, source);
  const targetChanged = changed(agreed?.target ?? ABSENT, target);
  if (sourceChanged && targetChanged) return { do: 'contest' };
  if (sourceChanged) return { do: 'carry', to: 'target' };
  if (targetChanged) return { do: 'carry', to: 'source' };
  return { do: 'nothing' };
}

/** An absence that the expiry in the ledger explains is no change: a natural expiry never wins over a write (L4). */
function changed(agreed: Digest, look: Look): boolean {
  if (look.digest === agreed) return false;
  if (look.digest !== ABSENT) return true;
  const expireAt = expireAtOf(agreed);
  return expireAt === null || expireAt > look.nowMs;
}
