import { CancellationScope } from '@temporalio/workflow';
import type { Side } from '../domain/side.ts';
import { failureOf } from './failure-of.ts';

/**
 * The way back (L9). Each undo is registered *before* its step, because a step that timed out may have happened;
 * hence each is idempotent and harmless where nothing was done. Newest first, shielded from cancellation; one
 * that fails is told and does not stop the others.
 */
export type Saga = {
  /** @param when the undo is right only while this side serves: before the flip `source`, after it `target` */
  before(step: string, undo: () => Promise<unknown>, when?: Side): void;
  compensate(authority: Side, failed: (step: string, problem: string) => void): Promise<void>;
};

export function createSaga(): Saga {
  const undos: { readonly step: string; readonly undo: () => Promise<unknown>; readonly when?: Side }[] = [];
  return {
    before: (step, undo, when) => {
      undos.unshift({ step, undo, when });
    },
    compensate: (authority, failed) =>
      CancellationScope.nonCancellable(async () => {
        for (const { step, undo, when } of undos) {
          if (when !== undefined && when !== authority) continue;
          await undo().catch((error: unknown) => failed(step, failureOf(error).message));
        }
      }),
  };
}
