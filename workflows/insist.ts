import { CancellationScope } from '@temporalio/workflow';
import { failureOf } from './failure-of.ts';
import type { Run } from './run.ts';

/**
 * A step that must succeed and that no program can replace: when it fails for good, the run stands in red and
 * tries again as often as an operator says so. Nothing is undone meanwhile: it might undo what serves.
 */
export async function insist<T>(run: Run, what: string, step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) throw error;
      await run.operator(`${what} failed: ${failureOf(error).message}`);
    }
  }
}
