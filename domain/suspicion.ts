import { ABSENT } from './digest.ts';
import { newest } from './ledger-entry.ts';
import type { Both, Seen, Step } from './protocol.ts';
import { otherSide, type Side } from './side.ts';

/** What an operator says of a suspect side: it is right, or the other side is and writes its keys back. */
export type Acceptance = 'absence' | 'restore';
export const ACCEPTANCES: readonly Acceptance[] = ['absence', 'restore'];

/**
 * Why what a side shows is not believed (L5). Every absence of it is suspect. Where the server came back with older
 * data, so is every other state that differs from the ledger, was agreed after the data ends, and has not been
 * written since the feed runs.
 */
export type Suspicion = {
  /** Ms, and its name: a decision names the suspicion that it is about, so that it never decides a later one. */
  readonly since: number;
  readonly reason: string;
  /** Newest stamp that the side has kept, '' = none of it is known to be kept; `null` = it runs on, values are what apps wrote. */
  readonly survived: string | null;
  readonly accepted: Acceptance | null;
};

export type Suspicions = Readonly<Partial<Record<Side, Suspicion>>>;

export type Ruling = Step | { readonly do: 'hold'; readonly side: Side };

/**
 * What becomes of a step whose state comes from a suspect side; nothing in it changes while nobody is suspect.
 *
 * @param writtenSince the stamp at which the side became suspect, where an app has written the key there since
 */
export function rulingOf(
  step: Step,
  looks: Both<Seen>,
  suspicions: Suspicions,
  writtenSince: (side: Side) => string | null,
): Ruling {
  if (step.do !== 'carry') return step;
  const from = otherSide(step.to);
  const doubted = (side: Side) => isDoubted(side, looks, suspicions[side], writtenSince(side) !== null);
  if (!doubted(from))
    return isOverNewer(looks, suspicions[from], writtenSince(from)) ? { ...step, conflict: true } : step;
  const accepted = suspicions[from]?.accepted ?? null;
  const isDoubtedStill = (side: Side) => doubted(side) && suspicions[side]?.accepted !== 'absence';
  if (accepted === 'absence') return step;
  // What only the suspect side has may be an app's newest write: written back over is what differs, deleted is nothing.
  const unproven = looks[step.to].digest === ABSENT && (!step.conflict || isDoubtedStill(step.to));
  if (accepted === 'restore' && unproven) return step;
  // A suspect state wins no conflict: the other side's change was made by an app that serves.
  const back = step.conflict ? !doubted(step.to) || accepted === 'restore' : accepted === 'restore';
  return back ? reversed(step.to, looks) : { do: 'hold', side: from };
}

/** The step in the other direction; what stood on the suspect side goes to the journal. */
function reversed(from: Side, looks: Both<Seen>): Step {
  const to = otherSide(from);
  const conflict = looks[to].digest !== ABSENT;
  return { do: 'carry', to, conflict, absence: looks[from].digest === ABSENT };
}

/**
 * Whether an app's write on the suspect side goes over what the other side holds from before the doubt. The app saw older
 * data when it wrote, and may have written the key of that name in another database of the server, which events do not
 * tell apart: the journal keeps what it goes over (L2).
 */
function isOverNewer(looks: Both<Seen>, suspicion: Suspicion | undefined, since: string | null): boolean {
  const agreed = newest(looks.source.entry, looks.target.entry);
  if (!suspicion || since === null || agreed === null) return false;
  return agreed.stamp < since && isOlderThanAgreed(looks, suspicion);
}

function isDoubted(
  side: Side,
  looks: Both<Seen>,
  suspicion: Suspicion | undefined,
  written: boolean,
): boolean {
  if (!suspicion) return false;
  if (looks[side].digest === ABSENT) return true;
  return !written && isOlderThanAgreed(looks, suspicion);
}

/** Whether what stands on the suspect side may be from before what both sides agreed on last. */
function isOlderThanAgreed(looks: Both<Seen>, { survived }: Suspicion): boolean {
  const agreed = newest(looks.source.entry, looks.target.entry);
  return survived !== null && (agreed === null || agreed.stamp > survived);
}

/** What was known of a server when it was last believed, and why it is not now. */
export type Witness = {
  readonly runId: string;
  readonly evicted: number;
  /** Newest stamp that the server is known to have taken. */
  readonly mark: string;
  /** Of a cluster: the tags of the nodes that have taken it. Absent: one server. */
  readonly tags?: readonly string[];
  readonly suspicion: Suspicion | null;
};

/** What a server shows now. */
export type Shown = {
  readonly runId: string;
  readonly evicted: number;
  /** It has a limit of memory and a policy that drops keys. */
  readonly evicts: boolean;
  /** Newest stamp that it still holds, '' = none. */
  readonly survived: string;
  /** It lacks what every claimed store has. */
  readonly unclaimed: boolean;
};

export const REASONS = {
  flushed: 'the server was flushed',
  recordsGone: 'our records are gone: the database was flushed, swapped or replaced',
  empty: 'the server came back empty',
  older: 'the server came back with older data',
  evicted: 'the server evicted keys',
  mayHaveEvicted: 'the server restarted and may have evicted keys before',
} as const;

/**
 * What there is to suspect of a server that an attempt meets. One that came back is believed when it still holds the
 * newest mark that it had taken: data files and replicas end early, they do not have gaps.
 */
export function suspicionOf(before: Witness | null, now: Shown, nowMs: number): Suspicion | null {
  const standing = before?.suspicion ?? null;
  const anew = (reason: string, survived: string | null) => renewed(standing, reason, survived, nowMs);
  if (!before) return now.unclaimed ? anew(REASONS.recordsGone, '') : null;
  // A store that holds a mark of ours and is not claimed was flushed before it: who found it so died before mending that.
  const lost = now.survived < before.mark || (now.unclaimed && now.survived === '');
  if (before.runId !== now.runId) {
    if (lost) return anew(now.survived === '' ? REASONS.empty : REASONS.older, now.survived);
    return now.evicts ? anew(REASONS.mayHaveEvicted, null) : standing;
  }
  // The attempt that saw a flush could not write our record back: what is missing is what it has told of.
  if (standing && !standing.accepted) return standing;
  if (lost) return anew(now.survived === '' ? REASONS.recordsGone : REASONS.older, now.survived);
  return before.evicted === now.evicted ? standing : anew(REASONS.evicted, null);
}

/** A suspicion for a new reason. It forgets no doubt of the one before, but any decision on it. */
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
