import { Context } from '@temporalio/activity';

const BEAT_MS = 1_000;

/**
 * Runs a bounded piece of work with a heartbeat a second. `tell` says what it is at; that shows in the UI. The
 * signal aborts when the workflow cancels, or when this attempt is not the current one any more.
 */
export async function beating<T>(
  work: (tell: (text: string) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let at = 'begins';
  const beat = () => context.heartbeat({ at });
  beat();
  const timer = setInterval(beat, BEAT_MS);
  try {
    return await work((text) => {
      at = text;
    }, context.cancellationSignal);
  } finally {
    clearInterval(timer);
  }
}

/** For work that runs until it is told to stop: an end by cancellation is reported as one. */
export async function untilCancelled(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const context = Context.current();
  await work(context.cancellationSignal);
  if (context.cancellationSignal.aborted) await context.cancelled;
}
