import type { Home } from '../entry.ts';
import type { Spelling } from '../form.ts';
import type { Operation } from './operation.ts';

/** One line of the apps' log: a write that was answered, or whose fate the app does not know. */
export type WriteRecord = {
  /** Grows with each write of all apps; it stands in the written value too, where there is room. */
  readonly n: number;
  readonly app: AppName;
  readonly home: Home;
  readonly key: string;
  readonly spelling: Spelling;
  /** Where it was written: the store at home, or V2. */
  readonly side: 'source' | 'target';
  readonly operation: Operation;
  /** Wall clock, ms, before sending and after the reply. */
  readonly sentAt: number;
  readonly answeredAt: number;
  /** `ok`: acknowledged. `maybe`: no answer came, it may have happened or not. */
  readonly fate: 'ok' | 'maybe';
};

export type AppName = 'v1' | 'nexten' | 'canary';
