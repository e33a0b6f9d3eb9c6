import { Context } from '@temporalio/activity';
import type { Plan } from '../domain/plan.ts';
import type { LinkStatus, Suspect } from '../domain/status.ts';
import { runSync } from '../redis/sync/sync.ts';
import { untilCancelled } from './beating.ts';
import type { Dependencies, Recorder } from './dependencies.ts';
import { toFailure } from './failures.ts';
import { linkOf, shardOf } from './link-of.ts';

/** The two-way sync of one shard of a link, or of the whole. Its heartbeat is its status: live numbers without history, readable by Describe. */
export function syncActivity({ environment, record }: Dependencies) {
  return async ({ plan, link, shard }: { plan: Plan; link: string; shard?: string }): Promise<void> => {
    const context = Context.current();
    const name = shard ?? link;
    context.heartbeat({ at: 'connects' });
    let before: LinkStatus['bytes'];
    let told = '';
    const options = {
      plan,
      link: linkOf(plan, link),
      shard: shardOf(plan, name),
      environment,
      report: (status: LinkStatus) => {
        context.heartbeat(status);
        record.link(status);
        const held = (status.suspects ?? []).map(suspicionLine).join('; ');
        if (held !== told) context.log.warn(`sync ${name}: ${held || 'nothing is suspect any more'}`);
        told = held;
        recordTraffic(record, before, status.bytes);
        before = status.bytes;
      },
    };
    await untilCancelled((signal) =>
      runSync(options, signal).catch((error: unknown) => {
        // In the words that the workflow hears too: without addresses (L12).
        context.log.warn(`sync ${name}: this attempt ends: ${toFailure(error).message}`);
        throw error;
      }),
    );
  };
}

/** Of a suspicion and of what is decided on it, not of how many keys it has reached: a line a change. */
function suspicionLine({ side, reason, accepted }: Suspect): string {
  return `${reason}: ${side} is suspect, ${accepted ? `"${accepted}" is carried out` : 'somebody has to decide'}`;
}

/** Statuses count from the attempt's begin; the counters of /metrics want what came since. */
function recordTraffic(record: Recorder, before: LinkStatus['bytes'], now: LinkStatus['bytes']): void {
  if (!now) return;
  for (const side of ['source', 'target'] as const) {
    for (const direction of ['read', 'written'] as const) {
      record.traffic(side, direction, Math.max(0, now[side][direction] - (before?.[side][direction] ?? 0)));
    }
  }
}
