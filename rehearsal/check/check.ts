import type { Redis } from 'ioredis';
import type { RunOutcome } from '../../domain/plan/plan.ts';
import type { WriteRecord } from '../apps/record.ts';
import type { AppEntry, Home } from '../entry.ts';
import { type Finding, type Section, sectionOf, STORE_NAMES } from './finding.ts';
import { type History, lastOf, replay, type HistoryStep } from './history.ts';
import { type Allowed, checkSide, nameOn } from './side.ts';
import { AUTHORITY_KEY, OUR_PREFIX } from '../../domain/keys/keyspace.ts';
import { shown } from '../names.ts';
import { readAllKeys } from './actual.ts';

/**
 * The independent check. It compares every store with the filled data and with the apps' logs of acknowledged writes,
 * while the apps are paused and the sync is at rest. It shares no code with the migration: it expects the hand-written
 * forms of each document. So an error in a transform or in the verifier shows here.
 */

export type CheckInput = {
  readonly stores: Readonly<Record<Home, Redis>>;
  readonly entries: Iterable<AppEntry>;
  readonly records: readonly WriteRecord[];
  readonly outcome: RunOutcome;
  /**
   * V1 and Nexten were kept current until this instant, ms since the epoch. When V2 serves they need not hold later
   * writes.
   */
  readonly syncedUntil: number;
  /** Returns true when the conflict journal holds this write of the canary. */
  readonly journaled: (record: WriteRecord) => boolean;
};

export type CheckResult = {
  readonly sections: readonly Section[];
  readonly acknowledged: number;
  readonly accounted: number;
  /** Acknowledged writes and filled keys that the serving side does not hold. */
  readonly lost: number;
};

export async function checkStores(input: CheckInput): Promise<CheckResult> {
  const histories = [...replay(input.entries, input.records).values()];
  const traveling = histories.filter(({ home }) => home !== 'v2');
  const serving = [
    await onServingSide('apps’ writes where they are served', input, traveling.filter(isWritten)),
    await onServingSide(
      'keys at rest where they are served',
      input,
      traveling.filter((one) => !isWritten(one)),
    ),
  ] as const;
  const native = histories.filter(({ home }) => home === 'v2');
  const acknowledged = input.records.filter(({ fate }) => fate === 'ok').length;
  const missing = serving[0].findings.reduce((sum, { writes }) => sum + writes, 0);
  return {
    sections: [
      ...serving,
      ...(await onOtherSide(input, traveling)),
      sectionOf(
        'V2’s own keys untouched',
        native.length,
        await checkSide(input.stores.v2, 'v2', native, last),
      ),
      ...(await strangers(input.stores, histories, input.outcome)),
    ],
    acknowledged,
    accounted: acknowledged - missing,
    lost: missing + serving.flatMap(({ findings }) => findings).filter(({ writes }) => writes === 0).length,
  };
}

function isWritten(history: History): boolean {
  return history.steps.length > 1;
}

const last: Allowed = (history) => [lastOf(history)];

/**
 * Checks the side that serves: V2 after a completed migration, else V1 and Nexten. Every key must be as the last write
 * left it.
 */
async function onServingSide(
  what: string,
  input: CheckInput,
  histories: readonly History[],
): Promise<Section> {
  const allowed: Allowed = (history) =>
    isContested(history) ? mayStand(history, Number.POSITIVE_INFINITY, input.journaled) : last(history);
  const { v1, nexten, v2 } = input.stores;
  const findings =
    input.outcome === 'completed'
      ? await checkSide(v2, 'v2', histories, allowed)
      : [
          ...(await checkSide(v1, 'v1', histories.filter(atHome('v1')), allowed)),
          ...(await checkSide(nexten, 'nexten', histories.filter(atHome('nexten')), allowed)),
        ];
  return sectionOf(what, histories.length, findings);
}

/**
 * Checks the other side. Completed: V1 and Nexten must be current up to the end of the sync. Aborted: V2 must be as it
 * was before. Rolled back: nothing is expected of V2.
 */
async function onOtherSide(input: CheckInput, histories: readonly History[]): Promise<Section[]> {
  switch (input.outcome) {
    case 'completed': {
      const allowed: Allowed = (history) => currentAt(history, input);
      const sections = (['v1', 'nexten'] as const).map(async (home) => {
        const own = histories.filter(atHome(home));
        const findings = await checkSide(input.stores[home], home, own, allowed);
        return sectionOf(`${STORE_NAMES[home]} current until the sync ended`, own.length, findings);
      });
      return Promise.all(sections);
    }
    case 'aborted': {
      const findings = await checkSide(input.stores.v2, 'v2', histories, clearedOrOfTheCanary);
      return [sectionOf('V2 cleared of what was copied', histories.length, findings)];
    }
    case 'rolled-back':
      return [];
  }
}

function currentAt(history: History, { syncedUntil, journaled }: CheckInput): readonly HistoryStep[] {
  const at = history.steps.findLastIndex(({ record }) => record === null || record.answeredAt <= syncedUntil);
  const since = history.steps.slice(at + 1);
  return isContested(history)
    ? [...mayStand(history, syncedUntil, journaled), ...since]
    : history.steps.slice(at);
}

/** The canary's own writes may stay on V2. Everything else there came from us and must be gone. */
const clearedOrOfTheCanary: Allowed = (history) => [
  ...history.steps.filter(({ record }) => record?.app === 'canary'),
  { record: null, possible: [null] },
];

function atHome(home: Home): (history: History) => boolean {
  return (history) => history.home === home;
}

/**
 * True for a key that two apps write at the same time. The order of two such writes is known only when one ended before
 * the other began.
 */
export function isContested(history: History): boolean {
  const apps = new Set(history.steps.flatMap((step) => (step.record ? [step.record.app] : [])));
  return apps.size > 1;
}

/**
 * @returns the steps that the key may hold at the end. A step is ruled out when a later write was acknowledged after
 *   it. One exception: a later write of the canary that lost to V1 by the conflict rule. It is not lost, because the
 *   journal holds it
 */
export function mayStand(
  history: History,
  until: number,
  journaled: (record: WriteRecord) => boolean,
): HistoryStep[] {
  const steps = history.steps.filter((step) => step.record === null || step.record.answeredAt <= until);
  return steps.filter((step) => !steps.some((later) => supersedes(later, step, journaled)));
}

function supersedes(
  later: HistoryStep,
  step: HistoryStep,
  journaled: (record: WriteRecord) => boolean,
): boolean {
  if (later.record === null || later.record.fate === 'maybe' || later === step) return false;
  if (step.record === null) return true;
  if (later.record.sentAt <= step.record.answeredAt) return false;
  const overruled = step.record.side === 'source' && later.record.app === 'canary';
  return !(overruled && journaled(later.record));
}

/** Finds keys that neither an app nor the fill ever wrote, and keys of ours that were left behind. */
async function strangers(
  stores: Readonly<Record<Home, Redis>>,
  histories: readonly History[],
  outcome: RunOutcome,
): Promise<Section[]> {
  const unknown: Finding[] = [];
  const left: Finding[] = [];
  let looked = 0;
  for (const store of ['v1', 'nexten', 'v2'] as const) {
    const known = knownNames(store, histories);
    for await (const key of readAllKeys(stores[store])) {
      looked++;
      if (key === AUTHORITY_KEY || known.has(key) || isRuleOfFencedApp(key, store, outcome)) continue;
      const ours = key.startsWith(OUR_PREFIX);
      const finding = {
        where: STORE_NAMES[store],
        // Our own key names hold no personal data, and they show at once which part of the code left them behind.
        key: ours ? key : shown(store, key),
        what: ours ? 'left behind' : 'written by nobody',
        writes: 0,
      };
      (ours ? left : unknown).push(finding);
    }
  }
  const sections = [sectionOf('keys that nobody wrote', looked, unknown)];
  // After a rollback the ledger may stay: the next run starts from it.
  return outcome === 'rolled-back'
    ? sections
    : [...sections, sectionOf('keys of ours left behind', looked, left)];
}

/**
 * Apps of the side that no longer serves stay fenced. Their old rules stay there, so that an operator can give them
 * back.
 */
function isRuleOfFencedApp(key: string, store: Home, outcome: RunOutcome): boolean {
  const fenced = outcome === 'completed' ? store !== 'v2' : outcome === 'rolled-back' && store === 'v2';
  return fenced && /^jday:[^:]+:fence:/.test(key);
}

function knownNames(store: Home, histories: readonly History[]): Set<string> {
  const there = histories.filter(({ home }) => store === 'v2' || home === store);
  return new Set(there.map((history) => nameOn(store === 'v2' ? 'target' : 'source', history)));
}

const MOST_FINDINGS = 20;

/**
 * @returns the result as text for people: one line for each section, then the sentence with the count of lost writes
 */
export function checkTable({ sections, acknowledged, accounted, lost }: CheckResult): string[] {
  const findings = sections.flatMap((section) => section.findings);
  const width = Math.max(...sections.map(({ row }) => row.what.length));
  return [
    ...sections.map((section) => rowText(section, width)),
    ...findings.slice(0, MOST_FINDINGS).map(({ where, key, what }) => `    ${where}: ${key}: ${what}`),
    ...(findings.length > MOST_FINDINGS ? [`    and ${findings.length - MOST_FINDINGS} more`] : []),
    `  every acknowledged write accounted for: ${grouped(accounted)} of ${grouped(acknowledged)} · lost ${lost}`,
  ];
}

export function isSound(result: CheckResult): boolean {
  const nothingWrong = result.sections.every(({ findings }) => findings.length === 0);
  // A check of 0 writes proves nothing.
  return (
    nothingWrong && result.lost === 0 && result.acknowledged > 0 && result.accounted === result.acknowledged
  );
}

function rowText({ row }: Section, width: number): string {
  const verdict = row.wrong === 0 ? '✓' : '✗';
  return `  ${verdict} ${row.what.padEnd(width)}  ${grouped(row.looked).padStart(7)}${row.wrong === 0 ? '' : `  ${row.wrong} wrong`}`;
}

function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ' ');
}
