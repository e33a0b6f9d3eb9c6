import { setMaxListeners } from 'node:events';

/**
 * Runs tasks that end together. When the first task ends or fails, this aborts the others and waits for them. An abort
 * from outside ends all tasks without an error.
 *
 * @throws the error of a task that failed first
 */
export async function runTogether(
  outer: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const inner = new AbortController();
  // Each task adds one or two listeners. Node takes more than ten for a leak and prints a warning.
  setMaxListeners(0, inner.signal);
  const stop = () => inner.abort();
  outer.addEventListener('abort', stop, { once: true });
  if (outer.aborted) stop();
  let failure: unknown;
  const running = tasks.map(async (task) => {
    try {
      await task(inner.signal);
    } catch (error) {
      // After the first task has ended, the others are aborted. An error of theirs is no failure then.
      if (!inner.signal.aborted) failure = error;
    } finally {
      stop();
    }
  });
  await Promise.all(running);
  outer.removeEventListener('abort', stop);
  if (failure !== undefined) throw failure;
}
