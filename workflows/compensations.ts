import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { Side } from '../domain/plan/plan.ts';
import { STORE_DOUBTS } from '../domain/run/failure.ts';
import type { Run } from './run.ts';

/**
 * The undos of an aborted or rolled-back migration. A step registers its undo *before* it runs, because a step that
 * timed out may still have happened. For the same reason every undo is idempotent, and harmless when its step never
 * happened.
 *
 * The undos run newest first. Cancellation does not stop them. An undo that fails is reported and does not stop the
 * next one. The table shows the order, and the step before which each undo is registered (`phases/prepare.ts` and
 * `phases/replicate.ts`). "V1 serves" is an abort before the flip. "V2 serves" is a rollback after the flip: there
 * `rollBack` in `phases/cutover.ts` moves the authority back to V1 before the first undo.
 *
 * |   | undo                               | activity      | registered before | V1 serves | V2 serves |
 * |---|------------------------------------|---------------|-------------------|-----------|-----------|
 * | 1 | open V1                            | unfence       | the rehearsal     | yes       | skipped   |
 * | 2 | carry what was written on V2 to V1 | drainToSource | the sync          | yes       | skipped   |
 * | 3 | stop the sync                      | (cancels it)  | the sync          | yes       | yes       |
 * | 4 | clear V2 of what we wrote          | clearTarget   | the sync          | yes       | skipped   |
 * | 5 | put the rules of the apps back     | unfence       | the sync          | yes       | skipped   |
 * | 6 | drop our traces                    | dropRecords   | the model files   | yes       | yes, (*)  |
 * | 7 | give the stores free               | release       | the claim         | yes       | yes       |
 *
 * (*) After a rollback the ledger stays, so that the next run of the same migration can go on from it.
 *
 * An abort runs only the undos that are registered by then: in phase `backup` undo 7, in phases `copy` and `sync` undos
 * 2 to 7, from phase `readiness` on all of them. Backups and copied model files have no undo: they stay.
 *
 * Why this order: undo 2 needs the running sync, so it precedes undo 3. A late write of the sync would bring keys back,
 * so undo 4 follows undo 3. Undo 4 needs the ledger, so it precedes undo 6. The activities of the other undos prove the
 * claim before they act, so undo 7 is the last one.
 *
 * Undo 1 never gives up: when it fails for good it waits for an operator. Undo 2 does nothing in mode `forward`.
 */
export type Saga = {
  /**
   * @param undo must be idempotent, and harmless when its step never happened
   * @param when the undo runs only if this side has the authority when the way back begins; absent = always. Before the
   *   flip that side is `source`, after it `target`
   */
  before(step: string, undo: () => Promise<unknown>, when?: Side): void;
  /**
   * Runs the undos, newest first, and hands each one to `act`.
   *
   * @param authority the side that had the authority when the way back began
   * @param act runs one undo and must not throw, or the older undos are skipped
   */
  compensate(
    authority: Side,
    act: (step: string, undo: () => Promise<unknown>) => Promise<void>,
  ): Promise<void>;
};

/** An empty list of undos. A run of the workflow has exactly one. */
export function createSaga(): Saga {
  const undos: { readonly step: string; readonly undo: () => Promise<unknown>; readonly when?: Side }[] = [];
  return {
    before: (step, undo, when) => {
      undos.unshift({ step, undo, when });
    },
    compensate: (authority, act) =>
      CancellationScope.nonCancellable(async () => {
        for (const { step, undo, when } of undos) {
          if (when !== undefined && when !== authority) continue;
          await act(step, undo);
        }
      }),
  };
}

/**
 * Runs a step that must succeed and that no program can replace, such as opening V1. When the step fails for good, the
 * run shows the failure and waits. It tries again each time an operator sends `resume`. It undoes nothing meanwhile: an
 * undo could damage the side that serves.
 */
export async function retryUntilResolved<T>(run: Run, what: string, step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await onOurStores(run, what, step);
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) throw error;
      await run.operator(`${what} failed: ${failureOf(error).message}`);
    }
  }
}

/**
 * Pause before such a step is tried again, ms; doubled each time up to the longest. The step is also tried without a
 * message from an operator, because a person may have corrected the address of the worker meanwhile, or Temporal may
 * give the step to another worker.
 */
const AGAIN_MS = 5_000;
const AGAIN_LONGEST_MS = 2 * 3_600_000;

/**
 * Runs a step that refuses to act on doubtful stores: a store is not the one that was claimed, or the record of the
 * authority is not the one that this run knows. Such a step has changed nothing. The run shows the failure and tries
 * again, at growing intervals, or as soon as an operator sends `resume`. This is no reason to go back: the undos would
 * meet the same stores.
 */
export async function onOurStores<T>(run: Run, what: string, step: () => Promise<T>): Promise<T> {
  for (let againMs = AGAIN_MS; ; againMs = Math.min(2 * againMs, AGAIN_LONGEST_MS)) {
    try {
      return await step();
    } catch (error) {
      const { type, message } = failureOf(error);
      if (type === null || !STORE_DOUBTS.includes(type)) throw error;
      await run.operator(`${what}: ${message}`, againMs);
    }
  }
}

/**
 * The failure of an activity or of the workflow itself, without the errors that Temporal wraps around it. `type`: one
 * of `FAILURES` or the name of another error; `null` = none. `message`: one sentence.
 */
type Failed = { readonly type: string | null; readonly message: string };

/** @returns the innermost failure; the message begins with the name of the activity when an activity failed */
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
