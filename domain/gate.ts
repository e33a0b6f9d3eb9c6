/** `alert` is worth a look and does not block; `red` and `unknown` block (L7). */
export type Verdict = 'green' | 'alert' | 'red' | 'unknown';

export type Gate = {
  readonly name:
    | 'lag'
    | 'integrity'
    | 'sessions'
    | 'cacheHits'
    | 'impact'
    | 'pending'
    | 'quarantine'
    | 'breaker';
  readonly value: number | null;
  readonly limit: number;
  readonly verdict: Verdict;
  /** One sentence for the operator, no keys. */
  readonly reason: string;
};
