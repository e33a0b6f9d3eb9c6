import type { Content } from '../form.ts';

/** One write of an app, as one Redis command: the same on either side, only the form of its texts differs. */
export type Operation =
  /** `onlyIfThere`: SET … XX, for who must not create what a clean-up just took away. */
  | {
      readonly do: 'set';
      readonly content: Content;
      readonly lifeMs: number | null;
      readonly onlyIfThere?: true;
    }
  /** The fields together, by HSET; `onlyIfThere` makes it a transaction that watches the key. */
  | {
      readonly do: 'hset';
      readonly fields: readonly (readonly [string, Content])[];
      readonly onlyIfThere?: true;
    }
  | { readonly do: 'expire'; readonly lifeMs: number }
  | { readonly do: 'del' }
  | { readonly do: 'incr' }
  | { readonly do: 'zadd'; readonly member: string; readonly score: number }
  | { readonly do: 'lpush'; readonly item: string }
  | { readonly do: 'ltrim'; readonly keep: number };
