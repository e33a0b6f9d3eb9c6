import type { WriteRecord } from '../apps/record.ts';
import type { AppEntry, Home } from '../entry.ts';
import type { AppSpelling } from '../form.ts';
import { afterWrite, type State, stateOfEntry } from './state.ts';

/**
 * The states that a key may have after one write of the apps. A history lists the steps oldest first; its first step is
 * the fill.
 */
export type HistoryStep = {
  readonly record: WriteRecord | null;
  readonly possible: readonly (State | null)[];
};

export type History = {
  readonly home: Home;
  readonly key: string;
  readonly spelling: AppSpelling;
  readonly filled: boolean;
  readonly steps: readonly [HistoryStep, ...HistoryStep[]];
};

export type Histories = ReadonlyMap<string, History>;

export function historyId(home: Home, key: string): string {
  return `${home}/${key}`;
}

/**
 * Replays the log on top of the filled data. The log holds the records of one key in the order of their
 * acknowledgement.
 */
export function replay(entries: Iterable<AppEntry>, records: readonly WriteRecord[]): Histories {
  const histories = new Map<string, History & { steps: [HistoryStep, ...HistoryStep[]] }>();
  for (const entry of entries) {
    const { home, key, spelling } = entry;
    const first: HistoryStep = { record: null, possible: [stateOfEntry(entry)] };
    histories.set(historyId(home, key), { home, key, spelling, filled: true, steps: [first] });
  }
  for (const record of records) {
    const { home, key, spelling } = record;
    const id = historyId(home, key);
    const nothing: HistoryStep = { record: null, possible: [null] };
    const history = histories.get(id) ?? { home, key, spelling, filled: false, steps: [nothing] };
    const before = lastOf(history).possible;
    const after = before.flatMap((state) => afterWrite(state, record));
    // Without an answer both states stay possible: the one with this write and the one without it.
    history.steps.push({ record, possible: record.fate === 'ok' ? after : [...before, ...after] });
    histories.set(id, history);
  }
  return histories;
}

export function lastOf(history: History): HistoryStep {
  return history.steps[history.steps.length - 1] ?? history.steps[0];
}

/** @returns the number of acknowledged writes after step `index` */
export function acknowledgedAfter(history: History, index: number): number {
  return history.steps.slice(index + 1).filter((step) => step.record?.fate === 'ok').length;
}
