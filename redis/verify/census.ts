import type { Dataset, Role } from '../../domain/plan/plan.ts';
import type { Moments, Dated, VerifyStatus, WholePass } from '../../domain/gates/status.ts';
import { shortHash } from './typed-state.ts';
import type { UnsettledKey, RecheckQueue } from './recheck-queue.ts';

/**
 * Counts the results of one link's verification. The counts are exact at the end of each whole pass: every key that the
 * pass met counts once, as equal or with the verdict of the re-check queue. Between two ends the equal keys of the last
 * whole pass count, minus the keys that were found different since, plus those that were found equal again.
 *
 * During the first pass of an attempt, the status of the previous attempt counts, made worse where this attempt finds
 * worse. If there is no previous status, the keys counted so far are reported.
 */

type ByRole = Map<Role, number>;

export type Census = {
  /** Starts the counts of a new pass. */
  beginPass(): void;
  /** The running pass has met a key that is equal. `again`: the key was different before. */
  equalInPass(dataset: Dataset, again: boolean): void;
  /** A key that was different is equal now, and the running pass has not met it yet. */
  equalAgain(dataset: Dataset): void;
  /** A key that was not in the re-check queue differs. `queued`: the queue had room for it. */
  differs(dataset: Dataset, queued: boolean): void;
  /** Ignores a pass that did not cover all datasets: no difference in a part is no proof for the whole. */
  endPass(pass: EndedPass): void;
  /** Call when a dataset joins. The last clean pass did not cover it, so that pass proves nothing any more. */
  forgetClean(): void;
  /** Differences of this pass for which the re-check queue had no room. */
  overflow(): number;
  /** Keys that this pass found equal. */
  equals(): number;
  /** @param nowMs ms, by the clock of `began` and of the times of the passes */
  status(link: string, nowMs: number, unsettled: RecheckQueue): VerifyStatus;
};

type EndedPass = Omit<WholePass, 'tookMs' | 'ageMs' | 'remembered' | 'from'> & {
  readonly startedAt: number;
  readonly endedAt: number;
  /** The last report of each sync before the pass began. */
  readonly from: Moments;
  /** The pass covered every dataset that takes part. */
  readonly whole: boolean;
  /** See `clean` at `runVerifier` for what a clean pass proves. */
  readonly clean: boolean;
};

/** Diverged keys that a status lists at most. */
export const MAX_EVIDENCE = 20;

/**
 * Makes the counts of one attempt of the verifier.
 *
 * @param before the last status of the previous attempt, as the store keeps it
 * @param began when `before` was read, ms of a monotonic clock
 */
export function makeCensus(before: Dated<VerifyStatus> | null = null, began = 0): Census {
  const known = recall(before);
  let inPass: ByRole = new Map();
  let standing: ByRole | null = null;
  let overflow: ByRole = new Map();
  let passes = known?.passes ?? 0;
  let clean = cleanOf(known, began);
  let last: EndedPass | null = null;
  const stand = (role: Role, by: number) => standing && add(standing, role, by);

  return {
    beginPass() {
      inPass = new Map();
      overflow = new Map();
    },
    equalInPass({ role }, again) {
      add(inPass, role, 1);
      if (again) stand(role, 1);
    },
    equalAgain: ({ role }) => void stand(role, 1),
    differs({ role }, queued) {
      stand(role, -1);
      if (!queued) add(overflow, role, 1);
    },
    endPass(pass) {
      if (!pass.whole) return;
      standing = new Map(inPass);
      last = pass;
      passes++;
      if (pass.clean) clean = pass;
    },
    forgetClean: () => void (clean = null),
    overflow: () => sum(overflow),
    equals: () => sum(inPass),
    status(link, nowMs, unsettled) {
      const counted = countsOf(standing ?? inPass, overflow, unsettled);
      const now = { link, passes, clean: agedOf(clean, nowMs), pass: passOf(last, nowMs), ...counted };
      return known && !last ? worseOf(known, now, nowMs - began) : now;
    },
  };
}

type CleanFrom = Pick<EndedPass, 'startedAt' | 'from'>;

/** Returns the last clean pass of the previous attempt, with its start on the clock of this attempt. */
function cleanOf(known: Recalled | null, began: number): CleanFrom | null {
  return known?.clean ? { startedAt: began - known.clean.ageMs, from: known.clean.from } : null;
}

function agedOf(clean: CleanFrom | null, nowMs: number): VerifyStatus['clean'] {
  return clean && { ageMs: nowMs - clean.startedAt, from: clean.from };
}

function passOf(last: EndedPass | null, nowMs: number): WholePass | null {
  if (!last) return null;
  const { datasets, authority, keys, startedAt, endedAt, from } = last;
  const ageMs = nowMs - endedAt;
  return { datasets, authority, keys, tookMs: endedAt - startedAt, ageMs, remembered: false, from };
}

type Counts = Omit<VerifyStatus, 'link' | 'passes' | 'clean' | 'pass'>;

function countsOf(equals: ByRole, overflow: ByRole, unsettled: RecheckQueue): Counts {
  const count = { pending: sum(overflow), hot: 0, diverged: 0, quarantined: 0 };
  const sessions = {
    live: of(equals, 'sessions') + of(overflow, 'sessions'),
    migrated: of(equals, 'sessions'),
    lost: 0,
  };
  const cache = { source: of(equals, 'cache') + of(overflow, 'cache'), target: of(equals, 'cache') };
  for (const key of unsettled.values()) {
    const verdict = verdictOf(key);
    count[verdict]++;
    if (!key.onAuthority) continue;
    if (key.dataset.role === 'sessions') {
      sessions.live++;
      if (verdict === 'diverged') sessions.lost++;
    }
    if (key.dataset.role === 'cache') {
      cache.source++;
      if (key.onBoth) cache.target++;
    }
  }
  const equal = sum(equals);
  const settled = equal + count.diverged;
  return { settled, equal, ...count, sessions, cache, evidence: evidenceOf(unsettled) };
}

/** Returns how a key of the re-check queue counts. Quarantine goes before the verdict of `settle`. */
export function verdictOf(key: UnsettledKey): 'pending' | 'hot' | 'diverged' | 'quarantined' {
  return key.quarantined ? 'quarantined' : key.settling.verdict;
}

function evidenceOf(unsettled: RecheckQueue): VerifyStatus['evidence'] {
  const evidence = [];
  for (const [key, item] of unsettled.entries()) {
    if (verdictOf(item) !== 'diverged') continue;
    evidence.push({ dataset: item.dataset.name, key: shortHash(key), what: item.what });
    if (evidence.length === MAX_EVIDENCE) break;
  }
  return evidence;
}

function of(counts: ByRole, role: Role): number {
  return counts.get(role) ?? 0;
}

function add(counts: ByRole, role: Role, by: number): void {
  counts.set(role, Math.max(0, of(counts, role) + by));
}

function sum(counts: ByRole): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

/** The status of a previous attempt, which has ended at least one whole pass. */
type Recalled = VerifyStatus & { readonly pass: WholePass };

/**
 * Returns the status of the previous attempt with its present age; `null` = there is none that counts. A verifier that
 * started from nothing would report the few keys of its first seconds as if they were all keys. A verifier that starts
 * from the previous status reports how old that status is. A status of unknown age is dropped.
 */
function recall(before: Dated<VerifyStatus> | null): Recalled | null {
  if (!before?.pass || typeof before.ageMs !== 'number') return null;
  const { ageMs, pass, clean, ...known } = before;
  return {
    ...known,
    pass: { ...pass, ageMs: pass.ageMs + ageMs },
    clean: clean && { ...clean, ageMs: clean.ageMs + ageMs },
  };
}

/**
 * Returns the status until the first whole pass of this attempt has ended. It is the previous status with its present
 * age. Where this attempt has already found worse, the worse figure counts. A key that this attempt found equal changes
 * nothing, because keys that it has not met yet may differ.
 *
 * @param sinceMs ms since this attempt began
 */
function worseOf(known: Recalled, now: VerifyStatus, sinceMs: number): VerifyStatus {
  const { pass, sessions } = known;
  const found = Math.max(0, now.diverged - known.diverged);
  return {
    ...known,
    passes: now.passes,
    clean: now.clean,
    pass: { ...pass, ageMs: pass.ageMs + sinceMs, remembered: true },
    equal: Math.max(0, known.equal - found),
    diverged: known.diverged + found,
    quarantined: Math.max(known.quarantined, now.quarantined),
    sessions: { ...sessions, lost: Math.max(sessions.lost, now.sessions.lost) },
    evidence: now.evidence.length > 0 ? now.evidence : known.evidence,
  };
}
