/** What the bench says to a process of its own: the work, and later perhaps that it is over. */
export type Order<Input> = { readonly order: 'begin'; readonly input: Input } | { readonly order: 'stop' };

/** What such a process says: that it has loaded its code, something on the way, its result or its failure. */
export type Answer<Said, Result> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'said'; readonly said: Said }
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'failed'; readonly reason: string };

export type Work<Input, Said, Result> = (
  input: Input,
  say: (said: Said) => void,
  signal: AbortSignal,
) => Promise<Result>;

/**
 * The frame of a bench process: does the work it is sent, once, and stays until it is let go, so that its CPU time can
 * still be read. It never outlives the bench.
 */
export function serve<Input, Said, Result>(work: Work<Input, Said, Result>): void {
  const stop = new AbortController();
  const send = (answer: Answer<Said, Result>) => void process.send?.(answer);
  const begin = async (input: Input): Promise<void> => {
    try {
      send({ kind: 'done', result: await work(input, (said) => send({ kind: 'said', said }), stop.signal) });
    } catch (error) {
      send({ kind: 'failed', reason: error instanceof Error ? `${error.name}: ${error.message}` : 'failed' });
    }
  };
  process.on('message', (order: Order<Input>) => {
    if (order.order === 'stop') stop.abort();
    else void begin(order.input);
  });
  process.once('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}
