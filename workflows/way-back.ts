import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { Outcome } from '../domain/phase.ts';
import { failureOf } from './failure-of.ts';
import { knowWhoServes } from './phases/switch.ts';
import type { Run } from './run.ts';
import type { Saga } from './saga.ts';

/**
 * The one way back: abort, cancellation, trigger and failure all come here. Before the flip V1 is opened, V2
 * cleared; after it the authority goes back first, with every write.
 */
export async function goBack(run: Run, saga: Saga, error: unknown): Promise<Outcome> {
  const wish = isCancellation(error)
    ? { by: 'temporal', reason: 'the workflow was cancelled' }
    : { by: 'failure', reason: failureOf(error).message };
  run.note({ stop: run.state.stop ?? wish, turnedBackAtMs: Date.now(), paused: null });
  return CancellationScope.nonCancellable(async () => {
    const authority = await knowWhoServes(run);
    const back = authority === 'target';
    run.note({
      phase: back ? 'rolling-back' : 'aborting',
      waitingFor: { what: 'nothing', why: 'undoing, newest step first' },
    });
    await saga.compensate(authority, (step, problem) => run.unfinished(step, problem));
    return back ? 'rolled-back' : 'aborted';
  });
}
