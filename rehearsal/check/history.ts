import type { WriteRecord } from '../apps/record.ts';
import type { Entry, Home } from '../entry.ts';
import type { Spelling } from '../form.ts';
import { afterWrite, type State, stateOfEntry } from './state.ts';

/** What a key may have held after each write of the apps, oldest first; the first step is the fill. */
export type Step = { readonly record: WriteRecord | null; readonly possible: readonly (State | null)[] };

export type History = {
  readonly home: Home;
  readonly key: string;
  readonly spelling: Spelling;
  readonly filled: boolean;
  readonly steps: readonly [Step, ...Step[]];
};

export type Histories = ReadonlyMap<string, History>;

export function historyId(home: Home, key: string): string {
  return `${home}/${key}`;
}

/** Replays the log over the fill. Records of one key stand in the order of their acknowledgement. */
export function replay(entries: Iterable<Entry>, records: readonly WriteRecord[]): Histories {
  const histories = new Map<string, History & { steps: [Step, ...Step[]] }>();
  for (const entry of entries) {
    const { home, key, spelling } = entry;
    const first: Step = { record: null, possible: [stateOfEntry(entry)] };
    histories.set(historyId(home, key), { home, key, spelling, filled: true, steps: [first] });
  }
  for (const record of records) {
    const { home, key, spelling } = record;
    const id = historyId(home, key);
    const nothing: Step = { record: null, possible: [null] };
    const history = histories.get(id) ?? { home, key, spelling, filled: false, steps: [nothing] };
    const before = lastOf(history).possible;
    const after = before.flatMap((state) => afterWrite(state, record));
    // Without an answer both worlds stay possible: the one with the write and the one without.
    history.steps.push({ record, possible: record.fate === 'ok' ? after : [...before, ...after] });
    histories.set(id, history);
  }
  return histories;
}

export function lastOf(history: History): Step {
  return history.steps[history.steps.length - 1] ?? history.steps[0];
}

/** Number of acknowledged writes after step `index`. */
export function acknowledgedAfter(history: History, index: number): number {
  return history.steps.slice(index + 1).filter((step) => step.record?.fate === 'ok').length;
}
