import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { hasFlipped } from '../../domain/run-state.ts';
import { linksOf } from '../../domain/link.ts';
import { shardsOfPlan } from '../../domain/shard.ts';
import type { Throttle } from '../../domain/throttle.ts';
import { failureOf } from '../failure-of.ts';
import { configuring, running } from '../proxies.ts';
import type { Run } from '../run.ts';

/** The activities that run from the copy to the end of the window, both directions, whoever has the authority. */
export type Background = {
  /** Resolves when the last one has stopped writing: only then may anything be cleared. */
  stop(): Promise<void>;
};

/** Starts them outside the story's scope: an abort needs them once more, to carry what V2 was told. */
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
              plan,
              link: shard.link.name,
              ...(shard.of > 1 && { shard: shard.name }),
            }),
          ),
        ),
        ...links.map((link) =>
          keep(run, () =>
            running(plan, `verify-${link}`, `Verifies ${link} against V2`).verify({ plan, link }),
          ),
        ),
        keep(run, () =>
          running(plan, 'measure-impact', 'Measures what the apps feel').measureImpact({ plan }),
        ),
        tellBounds(run),
      ]),
    );
    return {
      stop: async () => {
        scope.cancel();
        await ended;
      },
    };
  });
}

/**
 * Retries are the server's; what comes here is final. Before the flip it aborts. After it the way back is at
 * stake, so nothing is decided: an operator mends what is wrong and says `resume`.
 */
async function keep(run: Run, start: () => Promise<void>): Promise<void> {
  const endedByItself = () => 'an activity that runs until it is cancelled ended by itself';
  try {
    for (;;) {
      const problem = await start().then(endedByItself, (error: unknown) => failureOf(error).message);
      // Told to stop it may end in any way: what its worker's death cuts off then, nobody begins anew.
      if (CancellationScope.current().consideredCancelled) return;
      // Who serves is known once the switch is over, which may need this sync: then an operator's word begins it anew.
      run.note({ lastFailure: problem });
      const nudged = run.nudged();
      await condition(() => !run.state.switching || nudged());
      if (run.state.switching) continue;
      if (!hasFlipped(run.state)) return run.turnBack({ by: 'failure', reason: problem });
      await run.operator(problem);
    }
  } catch (error) {
    if (!isCancellation(error)) throw error; // Otherwise nobody is waited for any more.
  }
}

/** Whatever was asked by `configure`, also before the copy, reaches the activities that run; the last word counts. */
async function tellBounds(run: Run): Promise<void> {
  let told: Throttle | null = null;
  for (;;) {
    try {
      await condition(() => run.state.configured !== told);
      told = run.state.configured;
      if (told) await configuring().configure({ plan: run.plan, throttle: told });
    } catch (error) {
      if (CancellationScope.current().consideredCancelled) return;
      run.note({ lastFailure: failureOf(error).message });
    }
  }
}
