/**
 * Runs tasks that end together: the first to end or fail aborts the others and waits for them; its failure is
 * the failure of all. An abort from outside is an end without failure.
 */
export async function together(
  outer: AbortSignal,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const inner = new AbortController();
  const stop = () => inner.abort();
  outer.addEventListener('abort', stop, { once: true });
  if (outer.aborted) stop();
  let failure: unknown;
  const running = tasks.map(async (task) => {
    try {
      await task(inner.signal);
    } catch (error) {
      // After the first end every other task breaks off in its own way: that is no failure.
      if (!inner.signal.aborted) failure = error;
    } finally {
      stop();
    }
  });
  await Promise.all(running);
  outer.removeEventListener('abort', stop);
  if (failure !== undefined) throw failure;
}
