import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { hasFlipped } from '../../domain/run/run-state.ts';
import { linksOf } from '../../domain/plan/plan.ts';
import { shardsOfPlan } from '../../domain/keys/shard.ts';
import type { Throttle } from '../../domain/plan/throttle.ts';
import { failureOf } from '../compensations.ts';
import { configuring, running } from '../proxies.ts';
import type { Run } from '../run.ts';

/**
 * The activities that run from the copy to the end of the window: sync, verification and impact probe. The sync
 * replicates in both directions, whichever side has the authority.
 */
export type Background = {
  /**
   * Resolves when the last activity has ended. V2 may be cleared only after that, because a sync that still writes
   * would bring keys back.
   */
  stop(): Promise<void>;
};

/**
 * Starts the activities outside the scope that an abort cancels. An abort still needs the sync: it must replicate to V1
 * what V2's apps wrote.
 */
export async function startBackground(run: Run): Promise<Background> {
  const { plan } = run;
  const links = linksOf(plan).map((link) => link.name);
  return CancellationScope.nonCancellable(async () => {
    const scope = new CancellationScope();
    const ended = scope.run(() =>
      Promise.all([
        ...shardsOfPlan(plan).map((shard) =>
          keep(run, () =>
            running(plan, `sync-${shard.name}`, `Syncs ${shard.name} with V2, both ways`).sync({
              link: shard.link.name,
              ...(shard.of > 1 && { shard: shard.name }),
            }),
          ),
        ),
        ...links.map((link) =>
          keep(run, () => running(plan, `verify-${link}`, `Verifies ${link} against V2`).verify({ link })),
        ),
        keep(run, () => running(plan, 'measure-impact', 'Measures what the apps feel').measureImpact({})),
        tellBounds(run),
      ]),
    );
    return {
      stop: async () => {
        run.endsSync();
        scope.cancel();
        await ended;
      },
    };
  });
}

/**
 * Keeps one activity running. The Temporal server does the retries, so a failure that arrives here is final. Before the
 * flip it aborts the migration. After the flip it decides nothing, because the sync is the only lossless way back: an
 * operator repairs the cause and sends `resume`.
 */
async function keep(run: Run, start: () => Promise<void>): Promise<void> {
  const endedByItself = () => 'an activity that runs until it is cancelled ended by itself';
  try {
    for (;;) {
      const problem = await start().then(endedByItself, (error: unknown) => failureOf(error).message);
      // The activity was told to stop, so any end of it is fine, even when the death of its worker cut it off. Nothing
      // starts it again.
      if (CancellationScope.current().consideredCancelled) return;
      // While a switch is under way this code cannot know which side serves, and so cannot choose between abort and
      // operator. The switch may need this sync to end. Then an operator's `resume` starts the activity again.
      run.note({ lastFailure: problem });
      const nudged = run.nudged();
      await condition(() => !run.state.switching || nudged());
      if (run.state.switching) continue;
      if (!hasFlipped(run.state)) return run.requestRollback({ by: 'failure', reason: problem });
      await run.operator(problem);
    }
  } catch (error) {
    if (!isCancellation(error)) throw error; // After a cancellation nothing waits for this activity any more.
  }
}

/**
 * Brings the bounds of the update `configure` to the activities that run, also bounds that were set before the copy.
 * The last update counts.
 */
async function tellBounds(run: Run): Promise<void> {
  let told: Throttle | null = null;
  for (;;) {
    try {
      await condition(() => run.state.configured !== told);
      told = run.state.configured;
      if (told) await configuring().configure({ throttle: told });
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) return;
      run.note({ lastFailure: failureOf(error).message });
    }
  }
}
