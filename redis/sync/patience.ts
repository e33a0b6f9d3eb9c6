/** How long an attempt waits before it takes a line for dead, ms. */
export type Patience = {
  /** For a connection. */
  readonly connectMs: number;
  /** For the answer to a command. What was sent may still happen: the attempt ends, the next one looks. */
  readonly replyMs: number;
  /** For a beat on a feed. Beats go once a second; five missed ones are no hiccup: silence is loss. */
  readonly silenceMs: number;
};

export const PATIENCE: Patience = { connectMs: 5_000, replyMs: 10_000, silenceMs: 5_000 };
