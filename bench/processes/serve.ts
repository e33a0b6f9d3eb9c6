/** What the bench sends to its child process: the work, and perhaps later the order to stop. */
export type ProcessOrder<Input> =
  | { readonly order: 'begin'; readonly input: Input }
  | { readonly order: 'stop' };

/** What the child process sends: its code is loaded, a message during the work, its result, or its failure. */
export type ProcessAnswer<Said, Result> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'said'; readonly said: Said }
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'failed'; readonly reason: string };

export type ProcessWork<Input, Said, Result> = (
  input: Input,
  say: (said: Said) => void,
  signal: AbortSignal,
) => Promise<Result>;

/**
 * The frame of a bench process. It does the work that it receives. Afterwards it stays until it is let go, so that its
 * CPU time can still be read. It ends when the bench ends.
 */
export function serve<Input, Said, Result>(work: ProcessWork<Input, Said, Result>): void {
  const stop = new AbortController();
  const send = (answer: ProcessAnswer<Said, Result>) => void process.send?.(answer);
  const begin = async (input: Input): Promise<void> => {
    try {
      send({ kind: 'done', result: await work(input, (said) => send({ kind: 'said', said }), stop.signal) });
    } catch (error) {
      send({ kind: 'failed', reason: error instanceof Error ? `${error.name}: ${error.message}` : 'failed' });
    }
  };
  process.on('message', (order: ProcessOrder<Input>) => {
    if (order.order === 'stop') stop.abort();
    else void begin(order.input);
  });
  process.once('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}
