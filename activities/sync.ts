import { Context } from '@temporalio/activity';
import type { Plan } from '../domain/plan.ts';
import { runSync } from '../redis/sync/sync.ts';
import { untilCancelled } from './beating.ts';
import type { Dependencies } from './dependencies.ts';
import { linkOf } from './link-of.ts';

/** The two-way sync of one link. Its heartbeat is its status: live numbers without history, readable by Describe. */
export function syncActivity({ environment, record }: Dependencies) {
  return async ({ plan, link }: { plan: Plan; link: string }): Promise<void> => {
    const context = Context.current();
    context.heartbeat({ at: 'connects' });
    const options = {
      plan,
      link: linkOf(plan, link),
      environment,
      report: (status: Parameters<typeof record.link>[0]) => {
        context.heartbeat(status);
        record.link(status);
      },
    };
    await untilCancelled((signal) => runSync(options, signal));
  };
}
