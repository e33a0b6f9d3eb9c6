import { otherSide, type Side } from '../plan/plan.ts';

/**
 * One side of a key as one atomic read shows it: the state, the clock of that server and the ledger entry that stands
 * there.
 */
export type SideView = Look & { readonly entry: LedgerEntry | null };

export type Both<T> = Readonly<Record<Side, T>>;

/**
 * The reason why the sync must not write to a side. `parked`: the key waits until the side opens. `ignored`: the plan
 * is one-way, so the change never travels.
 */
export type ClosedSide = 'parked' | 'ignored';

export type Rules = {
  readonly authority: Side;
  /** Returns the reason why the sync must not write to the side; `null` when it may write. */
  readonly closed: (side: Side) => ClosedSide | null;
  /** True when both sides have the same value after the transform. `nextStep` calls it only when both sides changed. */
  readonly same: () => boolean;
};

/** The step for one key after one read of both sides. */
export type NextStep =
  | { readonly do: 'nothing' }
  /** The key waits until `to` opens. On the other side nothing is left to do for the key. */
  | { readonly do: 'wait'; readonly to: Side; readonly closed: ClosedSide }
  /** The key is gone on both sides: the ledger entry on `on` is deleted. */
  | { readonly do: 'forget'; readonly on: Side }
  /** Nothing is replicated. The ledger on `on` records the states of both sides. */
  | { readonly do: 'agree'; readonly on: Side }
  /**
   * The state of the other side is written to `to`. `conflict`: the conflict journal keeps the value that stands there.
   * `absence`: the key is gone on the other side, so the step deletes it on `to`; the circuit breaker must let this
   * pass, because an absence travels only when it is proven.
   */
  | {
      readonly do: 'carry';
      readonly to: Side;
      readonly conflict: boolean;
      readonly absence: boolean;
      /**
       * The step answers a change on the side that has handed over the authority. No app should write there any more.
       */
      readonly stray?: boolean;
    };

/**
 * The protocol for one key. The reconciler reads both sides, this function decides three-way, and one write follows,
 * which `land` accepts or refuses. `test/domain/explorer` explores the protocol exhaustively, also with each rule taken
 * away in turn.
 *
 * @param decision what `decide` says of these looks, when the caller has asked already
 */
export function nextStep(
  looks: Both<SideView>,
  rules: Rules,
  decision: Decision = decide(newest(looks.source.entry, looks.target.entry), looks.source, looks.target),
): NextStep {
  if (decision.do === 'nothing') return decision;
  if (decision.do === 'forget') return { do: 'forget', on: forgetSide(looks) };
  if (decision.do === 'contest' && rules.same()) return { do: 'agree', on: 'target' };
  const to = decision.do === 'carry' ? decision.to : otherSide(rules.authority);
  const closed = rules.closed(to);
  if (closed) return { do: 'wait', to, closed };
  const absence = looks[otherSide(to)].digest === ABSENT;
  return { do: 'carry', to, conflict: decision.do === 'contest', absence };
}

/**
 * Answers a change on the source while the target serves. The apps have moved to the target and the fence stands, so
 * such a change comes from a client that does not know of the cutover.
 *
 * The change never replaces a value that the target has acknowledged to an app, even when that value has not changed
 * since the last agreement. The sync writes the target's state back to the source, and the conflict journal keeps the
 * value of the client, so that no acknowledged write is lost. If the target does not have the key, the change replaces
 * nothing: the key travels to the target, and it counts as a stray all the same.
 */
export function answerStray(
  step: Extract<NextStep, { do: 'carry' }>,
  looks: Both<SideView>,
  authority: Side,
): NextStep {
  if (authority === 'source' || (step.to === 'source' && !step.conflict)) return step;
  if (step.to === 'source' || looks.target.digest === ABSENT) return { ...step, stray: true };
  return { do: 'carry', to: 'source', conflict: true, absence: false, stray: true };
}

/**
 * Chooses the older of two entries to delete first. If the sync deleted the newer one first and was killed then, the
 * next attempt would take the older one for the truth.
 */
function forgetSide({ source, target }: Both<SideView>): Side {
  if (source.entry && target.entry)
    return newest(source.entry, target.entry) === target.entry ? 'source' : 'target';
  return target.entry ? 'target' : 'source';
}

/**
 * True when a replicated delete leaves no ledger entry behind. While an older entry stands on the side that the delete
 * comes from, the sync writes an entry with two absences instead. Otherwise the sync would take the older entry for the
 * truth, and a key that an app creates again at once would lose to the earlier delete.
 */
export function leavesNoEntry(
  { to, absence }: Extract<NextStep, { do: 'carry' }>,
  looks: Both<SideView>,
): boolean {
  return absence && looks[otherSide(to)].entry === null;
}

/**
 * True when a key that is gone has two ledger entries: after the first is deleted, the second must still be deleted.
 */
export function forgetsTwice({ source, target }: Both<SideView>): boolean {
  return source.digest === ABSENT && target.digest === ABSENT && !!source.entry && !!target.entry;
}

/** True when the key on the target is ours after a write to `to`. An abort deletes only the keys that we created. */
export function oursAfter(to: Side, looks: Both<SideView>, agreed: LedgerEntry | null): boolean {
  return (to === 'target' && looks.target.digest === ABSENT) || (agreed?.ours ?? false);
}

/** True when the target must keep its present value as a pre-image: the write goes to a key that we did not create. */
export function keepsPreimage(to: Side, agreed: LedgerEntry | null): boolean {
  return to === 'target' && !agreed?.ours;
}

/** One side as one read shows it. `nowMs` is the clock of that server, ms. */
type Look = { readonly digest: Digest; readonly nowMs: number };

/** The states of both sides when they last agreed. */
type Agreed = Readonly<Record<Side, Digest>>;

export type Decision =
  | { readonly do: 'nothing' }
  /** The key is gone on both sides: the ledger entry is deleted too. */
  | { readonly do: 'forget' }
  /** Only one side changed: its state is written to `to`. */
  | { readonly do: 'carry'; readonly to: Side }
  /**
   * Both sides changed. If they are equal after the transform, they agree. Otherwise the authority wins, and the
   * conflict journal keeps the value of the loser, so that no acknowledged write is lost.
   */
  | { readonly do: 'contest' };

/**
 * Decides three-way for one key: the source, the target and the states of the last agreement. The decision also stops
 * echoes. After a write of ours the state equals the ledger entry, so nothing has changed, and our write never causes
 * another one. Only states count: the decision never asks which server is newer.
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

/**
 * True when the state is not the agreed one. An absence that the agreed expiry explains is not a change: otherwise a
 * natural expiry on one side could win over a write on the other side.
 */
export function changed(agreed: Digest, look: Look): boolean {
  if (look.digest === agreed) return false;
  if (look.digest !== ABSENT) return true;
  const expireAt = expireAtOf(agreed);
  return expireAt === null || expireAt > look.nowMs;
}

/**
 * The ledger entry of a key on one side. The server stores it in the same atomic step as the state that it describes.
 */
export type LedgerEntry = Agreed & {
  /** Orders the entries: the token of the attempt, then the counter of the attempt. Stamps compare as bytes. */
  readonly stamp: string;
  /** We created the key on the target, so an abort deletes it. */
  readonly ours: boolean;
  /**
   * The names that the document used where the transform renames them, see `domain/transform/value.ts`. `''` means not
   * known.
   */
  readonly spelling: string;
};

/**
 * Returns the newer of two entries. An entry stands on the side that the sync wrote to last, so each side can hold one.
 */
export function newest(one: LedgerEntry | null, other: LedgerEntry | null): LedgerEntry | null {
  if (!one || !other) return one ?? other;
  return one.stamp >= other.stamp ? one : other;
}

/**
 * State of a key on one side: a byte string of 24 bytes, 16 of content and 8 of absolute expiry, see
 * `redis/scripts/prelude.lua`.
 */
export type Digest = string;

export const CONTENT_BYTES = 16;
export const STATE_BYTES = CONTENT_BYTES + 8;

export const ABSENT: Digest = '\0'.repeat(STATE_BYTES);

/** Returns the part of a state that describes the value, without its expiry. */
export function contentIn(digest: Digest): string {
  return digest.slice(0, CONTENT_BYTES);
}

/**
 * Returns the absolute expiry in a state, ms. The result is exact up to 2^63 - 1, the greatest expiry that servers
 * take. `null` means that the key has no expiry or is absent.
 */
export function expireAtOf(digest: Digest): bigint | null {
  if (digest === ABSENT || digest.charCodeAt(CONTENT_BYTES) >= 0x80) return null;
  return (BigInt(fourBytes(digest, CONTENT_BYTES)) << 32n) + BigInt(fourBytes(digest, CONTENT_BYTES + 4));
}

function fourBytes(digest: Digest, from: number): number {
  let number = 0;
  for (let i = from; i < from + 4; i++) number = number * 256 + digest.charCodeAt(i);
  return number;
}
