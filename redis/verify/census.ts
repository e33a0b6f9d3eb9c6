/**
 * Counts of one link's verification. Exact at the end of each pass: every key that the pass met counts once, as
 * equal or as what the re-check queue says of it. In between, the equals of the last complete pass stand, less the
 * keys found different since, plus those found equal again; during the first pass, what it has counted so far.
 */
import type { Dataset, Role } from '../../domain/plan.ts';
import type { VerifyStatus } from '../../domain/status.ts';
import { shortHash } from './typed-state.ts';
import type { UnsettledKey, UnsettledKeys } from './unsettled-keys.ts';

type ByRole = Map<Role, number>;

export type Census = {
  beginPass(): void;
  /** A key met by the pass is equal; `again`: it had been different. */
  equalInPass(dataset: Dataset, again: boolean): void;
  /** A key that the running pass has not met yet, and that had been different, is equal. */
  equalAgain(dataset: Dataset): void;
  /** A key that was not in the queue differs; `queued`: there was room for it. */
  differs(dataset: Dataset, queued: boolean): void;
  endPass(startedAt: number, clean: boolean): void;
  /** No pass covers what is verified from now on: the last clean one says nothing of it. */
  forgetClean(): void;
  /** Differences of this pass that found no room in the queue. */
  overflow(): number;
  /** Keys found equal by this pass. */
  equals(): number;
  status(link: string, at: number, unsettled: UnsettledKeys): VerifyStatus;
};

const MAX_EVIDENCE = 20;

export function makeCensus(): Census {
  let inPass: ByRole = new Map();
  let standing: ByRole | null = null;
  let overflow: ByRole = new Map();
  let passes = 0;
  let cleanSince: number | null = null;
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
    endPass(startedAt, clean) {
      standing = new Map(inPass);
      passes++;
      if (clean) cleanSince = startedAt;
    },
    forgetClean: () => void (cleanSince = null),
    overflow: () => sum(overflow),
    equals: () => sum(inPass),
    status(link, at, unsettled) {
      const counted = countsOf(standing ?? inPass, overflow, unsettled);
      return { link, at, passes, cleanSince, ...counted, evidence: evidenceOf(unsettled) };
    },
  };
}

type Counts = Omit<VerifyStatus, 'link' | 'at' | 'passes' | 'cleanSince' | 'evidence'>;

function countsOf(equals: ByRole, overflow: ByRole, unsettled: UnsettledKeys): Counts {
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
  return { settled: equal + count.diverged, equal, ...count, sessions, cache };
}

export function verdictOf(key: UnsettledKey): 'pending' | 'hot' | 'diverged' | 'quarantined' {
  return key.quarantined ? 'quarantined' : key.settling.verdict;
}

function evidenceOf(unsettled: UnsettledKeys): VerifyStatus['evidence'] {
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
