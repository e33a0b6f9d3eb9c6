import { Context } from '@temporalio/activity';

const BEAT_MS = 1_000;

/**
 * Runs a bounded piece of work and sends a heartbeat every second. The Temporal UI shows what `tell` was given last: a
 * text, or a function that is asked for the content of each heartbeat. The signal aborts when the workflow cancels the activity, or when Temporal has given this attempt up.
 */
export async function beating<T>(
  work: (tell: (shown: string | (() => object)) => void, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let told: string | (() => object) = 'begins';
  const beat = () => context.heartbeat(typeof told === 'string' ? { at: told } : told());
  beat();
  const timer = setInterval(beat, BEAT_MS);
  try {
    return await work((shown) => {
      told = shown;
    }, context.cancellationSignal);
  } finally {
    clearInterval(timer);
  }
}

/** For work that runs until it is told to stop. When the signal has aborted, the activity ends as cancelled. */
export async function untilCancelled(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const context = Context.current();
  await work(context.cancellationSignal);
  if (context.cancellationSignal.aborted) await context.cancelled;
}
