import {
  ABSENT,
  type Both,
  changed,
  type LedgerEntry,
  newest,
  type SideView,
  type NextStep,
} from './protocol.ts';
import { otherSide, type Side } from '../plan/plan.ts';

/**
 * An operator's decision about a suspect side. `absence`: the suspect side is right, and the sync deletes its missing
 * keys on the other side too. `restore`: the other side is right, and the sync writes its keys back to the suspect
 * side.
 */
export type Acceptance = 'absence' | 'restore';
export const ACCEPTANCES: readonly Acceptance[] = ['absence', 'restore'];

/**
 * The reason why the sync does not trust the data of one side. The server of that side may have lost data, and a lost
 * key looks exactly like a deleted key. An absence travels only when it is proven, so every absence on this side is
 * suspect.
 *
 * A server that came back with older data makes present states suspect too. Such a state is suspect when it differs
 * from the ledger, when the ledger entry is newer than the data of the server or does not exist, and when the change
 * feed has shown no write of the key by an app since the suspicion began.
 */
export type Suspicion = {
  /**
   * Time at which the suspicion began, ms. It also names the suspicion: an operator's decision carries it, so that the
   * decision never applies to a later suspicion.
   */
  readonly since: number;
  readonly reason: string;
  /**
   * The newest stamp that the server has kept. `''` means that the server is not known to have kept any. `null` means
   * that the server did not come back with older data: its values are what apps wrote, and only absences are suspect.
   */
  readonly survived: string | null;
  readonly accepted: Acceptance | null;
  /** Set on a suspicion that comes from `UNWATCHED`. */
  readonly unwatched?: true;
};

/**
 * The suspicion of V2 between a run that was rolled back and the next run. V2 does not serve in that time, and no sync
 * watches it. A person may delete keys there by hand or try things out, and the server may evict keys. None of these
 * changes may travel to V1, which serves.
 *
 * The suspicion does not cover the writes of V2's apps after the next run has begun, because the change feed shows
 * those. It needs no decision by an operator. It ends for each dataset with the first read of all keys of that dataset.
 */
export const UNWATCHED: Suspicion = {
  since: 0,
  reason: '',
  survived: '',
  accepted: 'restore',
  unwatched: true,
};

const SIDES = ['source', 'target'] as const;

export type Suspicions = Readonly<Partial<Record<Side, Suspicion>>>;

export type BreakerVerdict = NextStep | { readonly do: 'hold'; readonly side: Side };

/**
 * Filters a decided step through the circuit breaker. It holds back a step that takes its state from a suspect side.
 * With the operator's decision `absence` the step passes, with `restore` the other side's state is written back. While
 * no side is suspect every step passes unchanged.
 *
 * A suspect side changes three more steps. The ledger entry of a key that may come back stays. A key that only V2 has,
 * and that came while no sync watched V2, is agreed and does not travel. An app's write that replaces a newer state of
 * the other side counts as a conflict.
 *
 * @param looks both sides of the key, as one read shows them
 * @param writtenSince returns the stamp at which the side became suspect if an app has written the key there since
 * then, else `null`
 */
export function applySuspicions(
  step: NextStep,
  looks: Both<SideView>,
  suspicions: Suspicions,
  writtenSince: (side: Side) => string | null,
): BreakerVerdict {
  if (step.do === 'forget') {
    const side = SIDES.find((one) => mayReturn(one, looks, suspicions[one]));
    return side ? { do: 'hold', side } : step;
  }
  const doubted = (side: Side) => isDoubted(side, looks, suspicions[side], writtenSince(side) !== null);
  if (isLeftBehind(step, looks, suspicions) && doubted('target')) return reversed('source', looks);
  if (step.do !== 'carry') return step;
  const from = otherSide(step.to);
  if (isOwnSince(looks, suspicions, doubted)) return { do: 'agree', on: 'target' };
  if (!doubted(from))
    return isOverNewer(looks, suspicions[from], writtenSince(from)) ? { ...step, conflict: true } : step;
  const accepted = suspicions[from]?.accepted ?? null;
  const isDoubtedStill = (side: Side) => doubted(side) && suspicions[side]?.accepted !== 'absence';
  if (accepted === 'absence') return step;
  // The key may exist only on the suspect side, as an app's newest write. `restore` writes the other side's values
  // back; it does not delete what only the suspect side has. In a conflict the other side has deleted the key, and that
  // delete counts unless the other side is suspect too.
  const unproven = looks[step.to].digest === ABSENT && (!step.conflict || isDoubtedStill(step.to));
  if (accepted === 'restore' && unproven) return step;
  // A suspect state wins no conflict: an app made the change on the other side, but the suspect state may only be old
  // data.
  const back = step.conflict ? !doubted(step.to) || accepted === 'restore' : accepted === 'restore';
  return back ? reversed(step.to, looks) : { do: 'hold', side: from };
}

/** Returns the step in the other direction. The value on the suspect side goes to the conflict journal. */
function reversed(from: Side, looks: Both<SideView>): NextStep {
  const to = otherSide(from);
  const conflict = looks[to].digest !== ABSENT;
  return { do: 'carry', to, conflict, absence: looks[from].digest === ABSENT };
}

/**
 * True when a key that is gone on the suspect side may come back together with the lost data, for example when an
 * operator swaps the database back or restores the files of the server. The ledger entry must stay until then. Without
 * the entry the returned key would look like a new key, and the sync would undo the other side's delete.
 */
function mayReturn(side: Side, looks: Both<SideView>, suspicion: Suspicion | undefined): boolean {
  if (!suspicion || suspicion.accepted || suspicion.survived === null) return false;
  const agreed = newest(looks.source.entry, looks.target.entry);
  return agreed !== null && changed(agreed[side], looks[side]);
}

/**
 * True when an app's write on the suspect side replaces a state of the other side that was agreed before the suspicion
 * began. The app saw older data when it wrote. It may also have written a key of the same name in another database of
 * the server, because change events do not name the database. So the conflict journal keeps the state that the write
 * replaces, and no acknowledged write is lost.
 */
function isOverNewer(looks: Both<SideView>, suspicion: Suspicion | undefined, since: string | null): boolean {
  const agreed = newest(looks.source.entry, looks.target.entry);
  if (!suspicion || since === null || agreed === null) return false;
  return agreed.stamp < since && isOlderThanAgreed(looks, suspicion);
}

/**
 * True for a change on V2 that a one-way plan ignores and that came while no sync watched V2. Such a change gives way
 * to V1's state all the same.
 */
function isLeftBehind(step: NextStep, { source }: Both<SideView>, { target }: Suspicions): boolean {
  const ignored = step.do === 'wait' && step.to === 'source' && step.closed === 'ignored';
  return ignored && target?.unwatched === true && source.digest !== ABSENT;
}

/**
 * True for a key that V1 does not have and that came to V2 while no sync watched V2. The key belongs to V2, like the
 * baseline keys (keys that V2 had before us): we delete only what we wrote.
 */
function isOwnSince(
  looks: Both<SideView>,
  suspicions: Suspicions,
  doubted: (side: Side) => boolean,
): boolean {
  if (!suspicions.target?.unwatched || !doubted('target')) return false;
  // V1 is suspect too: it may have lost the key, and the ledger entry with it.
  if (suspicions.source) return false;
  const { source } = looks;
  return (
    source.digest === ABSENT && looks.target.digest !== ABSENT && !newest(source.entry, looks.target.entry)
  );
}

/** True when the present state of the side is suspect, see `Suspicion`. */
function isDoubted(
  side: Side,
  looks: Both<SideView>,
  suspicion: Suspicion | undefined,
  written: boolean,
): boolean {
  if (!suspicion) return false;
  if (looks[side].digest === ABSENT) return !(suspicion.unwatched && written);
  return !written && isOlderThanAgreed(looks, suspicion);
}

/** True when the state on the suspect side may be older than the state on which both sides agreed last. */
function isOlderThanAgreed(looks: Both<SideView>, { survived }: Suspicion): boolean {
  const agreed = newest(looks.source.entry, looks.target.entry);
  return survived !== null && (agreed === null || agreed.stamp > survived);
}

/**
 * The facts that the sync knew of a server when it last trusted the server, and the reason why it does not trust it
 * now.
 */
export type ServerRecord = {
  readonly runId: string;
  readonly evicted: number;
  /** Number of commands that each server of the side has processed. */
  readonly commands?: readonly number[];
  /** See `ServerShown`. */
  readonly evicts?: boolean;
  /** Newest watermark (a stamp) that the server is known to have stored. */
  readonly mark: string;
  /** For a cluster, the tags of the nodes that have stored this watermark. Absent means that the side is one server. */
  readonly tags?: readonly string[];
  readonly suspicion: Suspicion | null;
  /**
   * Set when an earlier run has left its ledger. Since then no sync has read the keys of this side, except those of the
   * datasets in `seen`.
   */
  readonly unwatched?: { readonly seen: readonly string[] };
  /** Set when the server came back, until the sync has read every key again. */
  readonly gap?: Gap;
};

/**
 * The time in which a server that came back may have lost writes, as two stamps. The server came back with the newest
 * watermark that it had stored, so it looks complete. But its data may end less than a second after that watermark. It
 * may have lost states that were agreed after the watermark (`after`) and before the attempt that found the restarted
 * server (`before`).
 */
export type Gap = { readonly after: string; readonly before: string };

/**
 * Returns the gap of a server when an attempt meets it; `null` means that there is none.
 *
 * @param stamp greater than all stamps that were given out before
 */
export function gapOf(before: ServerRecord | null, now: ServerShown, stamp: string): Gap | null {
  if (!before) return null;
  // A server without the watermark is suspect: it gets a suspicion and no gap.
  if (before.runId === now.runId || now.survived < before.mark) return before.gap ?? null;
  return { after: before.gap?.after ?? now.survived, before: stamp };
}

/**
 * True when the state on a side may be older than the state on which both sides agreed last, although the server looks
 * complete.
 */
export function isInGap(agreed: LedgerEntry | null, gap: Gap | undefined): boolean {
  return !!gap && agreed !== null && agreed.stamp > gap.after && agreed.stamp < gap.before;
}

/** The facts that a server shows now. */
export type ServerShown = {
  readonly runId: string;
  readonly evicted: number;
  readonly commands: readonly number[];
  /** The server has a memory limit and a policy that drops keys. */
  readonly evicts: boolean;
  /** Newest watermark (a stamp) that the server still holds; `''` means none. */
  readonly survived: string;
  /** The server lacks the hash `jday:authority`, which every claimed store has. */
  readonly unclaimed: boolean;
};

export const REASONS = {
  flushed: 'the server was flushed',
  recordsGone: 'our records are gone: the database was flushed, swapped or replaced',
  empty: 'the server came back empty',
  older: 'the server came back with older data',
  evicted: 'the server evicted keys',
  mayHaveEvicted: 'the server restarted and may have evicted keys before',
  statsReset: 'the statistics of the server were reset: nobody can know whether it has evicted keys',
} as const;

/**
 * Returns the suspicion of a server when an attempt meets it; `null` means that the attempt can trust the server. A
 * server that came back is trusted when it still holds the newest watermark that it had stored and cannot have evicted
 * keys. Data files and replicas can end early, but they have no holes.
 */
export function suspicionOf(before: ServerRecord | null, now: ServerShown, nowMs: number): Suspicion | null {
  const standing = before?.suspicion ?? null;
  const anew = (reason: string, survived: string | null) => renewed(standing, reason, survived, nowMs);
  if (!before) return now.unclaimed ? anew(REASONS.recordsGone, '') : null;
  // The store has a watermark of ours but is unclaimed. So the flush came before that watermark, and the attempt that
  // found the flush died before it could restore the claim. This is not a new loss.
  const lost = now.survived < before.mark || (now.unclaimed && now.survived === '');
  if (before.runId !== now.runId) {
    if (lost) return anew(now.survived === '' ? REASONS.empty : REASONS.older, now.survived);
    return now.evicts ? anew(REASONS.mayHaveEvicted, null) : standing;
  }
  // The attempt that saw a flush could not write our record back. So the missing data is the loss that it has already
  // reported, and not a new one.
  if (standing && !standing.accepted) return standing;
  if (lost) return anew(now.survived === '' ? REASONS.recordsGone : REASONS.older, now.survived);
  if (before.evicted !== now.evicted) return anew(REASONS.evicted, null);
  return hidesEvictions(before, now) ? anew(REASONS.statsReset, null) : standing;
}

/**
 * True when evictions may be invisible. `CONFIG RESETSTAT` sets the count of evicted keys back to 0, and later
 * evictions can bring it to the same number again by chance. The reset also sets back the count of commands, so a
 * smaller count of commands shows the reset.
 *
 * This can fail in the first minutes of a server: after the reset the server may process more commands than it had
 * counted before, and the reset stays invisible. On a server that cannot evict keys a reset hides nothing.
 */
export function hidesEvictions(
  before: Pick<ServerRecord, 'commands' | 'evicts'>,
  now: Pick<ServerShown, 'commands' | 'evicts'>,
): boolean {
  const wasReset = now.commands.some((count, node) => count < (before.commands?.[node] ?? 0));
  return wasReset && (now.evicts || (before.evicts ?? false));
}

/**
 * Returns a suspicion for a new reason. It keeps every doubt of the suspicion before it, but it drops the operator's
 * decision on that one.
 */
export function renewed(
  before: Suspicion | null,
  reason: string,
  survived: string | null,
  nowMs: number,
): Suspicion {
  const older = before?.survived ?? null;
  const least =
    older === null || survived === null ? (survived ?? older) : older < survived ? older : survived;
  return { since: Math.max(nowMs, (before?.since ?? 0) + 1), reason, survived: least, accepted: null };
}
