import type { Content, Spelling } from './form.ts';

/** The store where a key is at home; V1's and Nexten's keys travel to V2, V2's own stay where they are. */
export type Home = 'v1' | 'nexten' | 'v2';

export type Value =
  | { readonly type: 'string'; readonly content: Content }
  | { readonly type: 'hash'; readonly fields: readonly (readonly [string, Content])[] }
  | { readonly type: 'zset'; readonly members: readonly (readonly [string, number])[] }
  | { readonly type: 'set'; readonly members: readonly string[] }
  | { readonly type: 'list'; readonly items: readonly Content[] };

/** One key as it was filled in. Keys are byte strings: one character per byte. */
export type Entry = {
  readonly home: Home;
  readonly key: string;
  readonly spelling: Spelling;
  readonly value: Value;
  /** Absolute, ms; `null` = never. */
  readonly expiresAt: number | null;
};
