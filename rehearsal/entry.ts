import type { AppContent, AppSpelling } from './form.ts';

/** The store that a key belongs to. V1's and Nexten's keys are replicated to V2. V2's own keys stay where they are. */
export type Home = 'v1' | 'nexten' | 'v2';

export type AppValue =
  | { readonly type: 'string'; readonly content: AppContent }
  | { readonly type: 'hash'; readonly fields: readonly (readonly [string, AppContent])[] }
  | { readonly type: 'zset'; readonly members: readonly (readonly [string, number])[] }
  | { readonly type: 'set'; readonly members: readonly string[] }
  | { readonly type: 'list'; readonly items: readonly AppContent[] };

/** One key as it was filled in. Keys are byte strings: one character for each byte. */
export type AppEntry = {
  readonly home: Home;
  readonly key: string;
  readonly spelling: AppSpelling;
  readonly value: AppValue;
  /** Absolute expiry, ms since the epoch; `null` = never. */
  readonly expiresAt: number | null;
};
