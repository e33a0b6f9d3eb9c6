import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';

/** What an activity or the workflow itself failed of, without the layers around it. */
export type Failed = { readonly type: string | null; readonly message: string };

export function failureOf(error: unknown): Failed {
  if (error instanceof ActivityFailure) {
    const cause = failureOf(error.cause);
    return { type: cause.type, message: `${error.activityType}: ${cause.message}` };
  }
  if (error instanceof ApplicationFailure) return { type: error.type ?? null, message: error.message };
  if (error instanceof TimeoutFailure)
    return { type: null, message: `no answer in time (${error.timeoutType})` };
  if (isCancellation(error)) return { type: null, message: 'cancelled' };
  return { type: null, message: error instanceof Error ? error.message : String(error) };
}
