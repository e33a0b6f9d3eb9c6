import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { linksOf, type Plan } from '../../../domain/plan/plan.ts';
import type { LinkStatus } from '../../../domain/gates/status.ts';
import { runSync } from '../../../redis/replication/replicator.ts';
import { eventually } from '../eventually.ts';
import type { withSyncWorld } from './sync-world.ts';

/** Claims the stores and runs a sync over them as long as the test lasts. */
export async function startSyncing(
  world: Pick<ReturnType<typeof withSyncWorld>, 'claim' | 'environment'>,
  plan: Plan,
) {
  await world.claim();
  const sync = keepSyncing(world, plan);
  onTestFinished(sync.stop);
  return sync;
}

/** Runs a sync. It begins again whenever an attempt ends, as under Temporal. */
function keepSyncing({ environment }: Pick<ReturnType<typeof withSyncWorld>, 'environment'>, plan: Plan) {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const stop = new AbortController();
  const ends: string[] = [];
  let last: LinkStatus | undefined;
  const attempt = () => {
    last = undefined;
    const report = (status: LinkStatus) => {
      last = status;
    };
    return runSync({ plan, link, environment: environment(), report }, stop.signal);
  };
  const done = (async () => {
    while (!stop.signal.aborted) {
      await attempt().catch((error: unknown) => ends.push(String(error)));
      await delay(100, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  return {
    status: () => last,
    /** The errors of the attempts that failed. */
    ends,
    live: () => eventually('the sync to be live', () => last?.state === 'live'),
    stop: async () => {
      stop.abort();
      await done;
    },
  };
}
