import { Context } from '@temporalio/activity';
import type { Plan } from '../domain/plan.ts';
import type { Environment } from '../redis/connection.ts';
import { type Stores, withStores } from '../redis/stores.ts';
import { fencingPurpose, takeSwitchLease } from '../redis/switch/switch-lease.ts';

/** Ms at which Temporal scheduled this attempt: by Temporal's clock alone, and later than every attempt before it. */
export function tokenOfAttempt(): number {
  return Context.current().info.currentAttemptScheduledTimestampMs;
}

/** Work that raises or lowers fences: what an earlier attempt of it, or of a switch, still had to say is not heard. */
export function fencing<T>(
  plan: Plan,
  environment: Environment,
  work: (stores: Stores) => Promise<T>,
): Promise<T> {
  const token = tokenOfAttempt();
  return withStores(plan, environment, fencingPurpose(plan.migration, token), async (stores) => {
    await takeSwitchLease(stores, plan.migration, token);
    return work(stores);
  });
}
