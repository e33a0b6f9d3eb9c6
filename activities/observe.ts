import { Context } from '@temporalio/activity';
import { setTimeout as delay } from 'node:timers/promises';
import { openSuspects } from '../domain/open-suspects.ts';
import type { Snapshot } from '../domain/status.ts';
import { watchStep, type Observation } from '../domain/watch.ts';
import { openStores, type Stores } from '../redis/stores.ts';
import { keepFence } from '../redis/watch/keep-fence.ts';
import { fencingPurpose } from '../redis/switch/switch-lease.ts';
import { takeSnapshot } from '../redis/watch/take-snapshot.ts';
import type { ObserveInput } from '../workflows/activities.ts';
import type { Dependencies } from './dependencies.ts';

const TICK_MS = 500;

/** Watching belongs in here, not in the workflow: a look a second for a week would be 600 000 events. */
export function observeActivity({ environment }: Dependencies) {
  return async (input: ObserveInput): Promise<Observation> => {
    const stores = await openStores(input.plan, environment, fencingPurpose(input.plan.migration, 'watch'));
    try {
      return await watch(input, stores);
    } finally {
      stores.close();
    }
  };
}

async function watch(input: ObserveInput, stores: Stores): Promise<Observation> {
  const context = Context.current();
  const until = Date.now() + input.forMs;
  const { plan, suspected: _known, ...watchInput } = input;
  let seen: Observation | null = null;
  for (;;) {
    const snapshot = await takeSnapshot(plan, stores);
    seen = watchStep(seen ?? watchInput, snapshot, plan, watchInput, Date.now());
    context.heartbeat({ gates: seen.gates.map((gate) => `${gate.name} ${gate.verdict}`) });
    // Not by a mere question, which may come while a switch is under way.
    const watches = input.forMs > 0 && !context.cancellationSignal.aborted;
    if (snapshot.authority && watches) await keepFence(plan, stores, snapshot.authority.side);
    if (
      seen.goalReached ||
      seen.triggered !== null ||
      isNews(snapshot, input) ||
      Date.now() >= until ||
      context.cancellationSignal.aborted
    )
      return seen;
    await delay(Math.min(TICK_MS, Math.max(1, until - Date.now())));
  }
}

/** A side that became suspect: an operator is waited for from now on, not from the end of a look of hours (L5). */
function isNews(snapshot: Snapshot, { suspected = [] }: ObserveInput): boolean {
  return openSuspects(snapshot.links).some(({ link, side }) => !suspected.includes(`${link} ${side}`));
}
