import { Context } from '@temporalio/activity';
import type { Plan, Side } from '../domain/plan/plan.ts';
import type { LinkStatus, Suspect } from '../domain/gates/status.ts';
import { runSync } from '../redis/replication/replicator.ts';
import { folderRefusals } from './allowed-folders.ts';
import { untilCancelled } from './beating.ts';
import type { Dependencies, Recorder } from './dependencies.ts';
import { toFailure } from './failures.ts';
import { type HeldInput, holderOf } from './held-stores.ts';
import { fenceKeepers } from './keep-fences.ts';
import { linkOf, shardOf } from './link-of.ts';
import { Outlasting } from './outlasting.ts';

/**
 * The two-way sync of one link, or of one of its shards. Its heartbeat carries its status, so Temporal's `describe`
 * shows live numbers and the history does not grow.
 */
export function syncActivity(dependencies: Dependencies) {
  const { environment, record } = dependencies;
  const keepers = fenceKeepers(dependencies);
  return async (input: HeldInput & { link: string; shard?: string }): Promise<void> => {
    const { plan, link, shard } = input;
    const context = Context.current();
    const name = shard ?? link;
    context.heartbeat({ at: 'connects' });
    const end = new Outlasting(context, dependencies);
    let before: LinkStatus['bytes'];
    let told = '';
    const held = {
      plan,
      link: linkOf(plan, link),
      shard: shardOf(plan, name),
      environment,
      holder: await holderOf(dependencies, input),
    };
    const options = {
      ...held,
      journal: await journalKeeping(dependencies, plan, name, context.log),
      leased: (token: number) => {
        end.attempt(running);
        keepers.begin({ ...held, token }, end, context.log);
      },
      report: (status: LinkStatus) => {
        context.heartbeat(status);
        record.link(status);
        const suspected = (status.suspects ?? []).map(suspicionLine).join('; ');
        if (suspected !== told)
          context.log.warn(`sync ${name}: ${suspected || 'nothing is suspect any more'}`);
        told = suspected;
        recordTraffic(record, before, status.bytes);
        before = status.bytes;
      },
    };
    const running = runSync(options, end.signal).catch(saying(context.log, name));
    await untilCancelled(() => running);
  };
}

/** Where the losers of conflicts go that the journal in the store has no room for. */
async function journalKeeping({ allowance }: Dependencies, plan: Plan, name: string, log: Context['log']) {
  const refused = await folderRefusals({ ...plan, files: [] }, allowance);
  return {
    folder: refused.length === 0 ? plan.backup.directory : null,
    saved: (side: Side, count: number) =>
      log.warn(
        `sync ${name}: ${count} losers of conflicts on the ${side} are in a file of the backup directory now`,
      ),
  };
}

/** Logs a failure in the words that the workflow gets too. They contain no address. */
function saying(log: Context['log'], name: string) {
  return (error: unknown): never => {
    log.warn(`sync ${name}: this attempt ends: ${toFailure(error).message}`);
    throw error;
  };
}

/**
 * One text for each suspicion and for the decision on it. It leaves out the number of held keys, which changes all the
 * time: the log gets a line only when the text changes.
 */
function suspicionLine({ side, reason, accepted }: Suspect): string {
  return `${reason}: ${side} is suspect, ${accepted ? `"${accepted}" is carried out` : 'somebody has to decide'}`;
}

/**
 * A status counts from the beginning of its attempt. The counters of /metrics need the difference to the status before
 * it.
 */
function recordTraffic(record: Recorder, before: LinkStatus['bytes'], now: LinkStatus['bytes']): void {
  if (!now) return;
  for (const side of ['source', 'target'] as const) {
    for (const direction of ['read', 'written'] as const) {
      record.traffic(side, direction, Math.max(0, now[side][direction] - (before?.[side][direction] ?? 0)));
    }
  }
}
