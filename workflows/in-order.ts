import { sleep } from '@temporalio/workflow';
import { FAILURES } from '../domain/run/failure.ts';
import { failureOf } from './compensations.ts';
import type { Run } from './run.ts';

/**
 * Pause before a refused step asks for the next number, ms. In this time the attempt that holds the greater token can
 * end.
 */
const AGAIN_MS = 1_000;

type Numbering = {
  nextFencingNumber(input: { readonly after: number }): Promise<number>;
};

/**
 * Runs a step that raises or lowers fences. Takes a fencing number first, so that this step comes after every step
 * before it. The stores then refuse an earlier attempt that was stopped and goes on later. The number is asked for with
 * the timeouts and retries of the step itself: a store that cannot be reached holds up both in the same way.
 */
export async function numbered<S extends Numbering, T>(
  run: Run,
  steps: S,
  act: (steps: S, fencingNumber: number) => Promise<T>,
): Promise<T> {
  const { fencingNumber: after } = run.state;
  const fencingNumber = await steps.nextFencingNumber({ after });
  run.note({ fencingNumber });
  return act(steps, fencingNumber);
}

/**
 * Runs such a step that must be done. When the stores refuse its number, the step has changed nothing, and this
 * function tries again with the next number. Two causes are known. Temporal reset this run to a point before another
 * step of its own. Or Temporal counts the attempts at this step from 1 again.
 */
export async function inOrder<S extends Numbering, T>(
  run: Run,
  steps: S,
  act: (steps: S, fencingNumber: number) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await numbered(run, steps, act);
    } catch (error) {
      if (failureOf(error).type !== FAILURES.SwitchLeaseLost) throw error;
    }
    await sleep(AGAIN_MS, { summary: 'A later token holds the fences: asks for the next number' });
  }
}
