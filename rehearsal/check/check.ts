/**
 * The independent check: holds every store against the fill and the apps' logs of acknowledged writes, with the apps
 * paused and the sync at rest. It shares no code with the migration: expectations are the hand-written forms of each
 * document, so a mistake of a transform or of the verifier shows here (L2, L4, L5, L6, L13).
 */
import type { Redis } from 'ioredis';
import type { Outcome } from '../../domain/phase.ts';
import type { WriteRecord } from '../apps/record.ts';
import type { Entry, Home } from '../entry.ts';
import { isContested, mayStand } from './contested.ts';
import { type Section, sectionOf, STORE_NAMES } from './finding.ts';
import { type History, lastOf, replay, type Step } from './history.ts';
import { type Allowed, checkSide } from './side.ts';
import { strangers } from './strangers.ts';

export type CheckInput = {
  readonly stores: Readonly<Record<Home, Redis>>;
  readonly entries: Iterable<Entry>;
  readonly records: readonly WriteRecord[];
  readonly outcome: Outcome;
  /** Up to this instant, ms, V1 and Nexten were kept current; later writes need not be there when V2 serves. */
  readonly syncedUntil: number;
  /** Whether the journal of conflicts holds this write of the canary. */
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

/** V2 after a completed migration, else V1 and Nexten: every key as the last write left it. */
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

/** Completed: V1 and Nexten were current when the sync ended. Aborted: V2 is as it was. Rolled back: V2 is nobody's. */
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

function currentAt(history: History, { syncedUntil, journaled }: CheckInput): readonly Step[] {
  const at = history.steps.findLastIndex(({ record }) => record === null || record.answeredAt <= syncedUntil);
  const since = history.steps.slice(at + 1);
  return isContested(history)
    ? [...mayStand(history, syncedUntil, journaled), ...since]
    : history.steps.slice(at);
}

/** What the canary wrote on V2 is V2's own and may stay; everything else came from us and has to be gone (L6). */
const clearedOrOfTheCanary: Allowed = (history) => [
  ...history.steps.filter(({ record }) => record?.app === 'canary'),
  { record: null, possible: [null] },
];

function atHome(home: Home): (history: History) => boolean {
  return (history) => history.home === home;
}
