import type { AppContent, AppSpelling } from '../form.ts';
import type { Home } from '../entry.ts';

/**
 * One write of an app, which is one Redis command. The command is the same on both sides; only the form of its texts
 * differs.
 */
export type Operation =
  /** SET. `onlyIfThere` adds XX: the app must not create a key again that a clean-up has just deleted. */
  | {
      readonly do: 'set';
      readonly content: AppContent;
      readonly lifeMs: number | null;
      readonly onlyIfThere?: true;
    }
  /** HSET of all fields together. `onlyIfThere` makes it a transaction that watches the key. */
  | {
      readonly do: 'hset';
      readonly fields: readonly (readonly [string, AppContent])[];
      readonly onlyIfThere?: true;
    }
  | { readonly do: 'expire'; readonly lifeMs: number }
  | { readonly do: 'del' }
  | { readonly do: 'incr' }
  | { readonly do: 'zadd'; readonly member: string; readonly score: number }
  | { readonly do: 'lpush'; readonly item: string }
  | { readonly do: 'ltrim'; readonly keep: number };

/** One line of the apps' log: a write that was answered, or one whose fate the app does not know. */
export type WriteRecord = {
  /** Grows with each write of all apps. It is also part of the written value, if there is room for it. */
  readonly n: number;
  readonly app: AppName;
  readonly home: Home;
  readonly key: string;
  readonly spelling: AppSpelling;
  /** The side that the app wrote to: `source` is the key's own store, `target` is V2. */
  readonly side: 'source' | 'target';
  readonly operation: Operation;
  /** Wall clock before sending and after the reply, ms since the epoch. */
  readonly sentAt: number;
  readonly answeredAt: number;
  /** `ok`: acknowledged. `maybe`: no answer came, so the write may have happened or not. */
  readonly fate: 'ok' | 'maybe';
};

export type AppName = 'v1' | 'nexten' | 'canary';
