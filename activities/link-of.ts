import { ApplicationFailure } from '@temporalio/activity';
import { FAILURES } from '../domain/run/failure.ts';
import { type Link, linksOf, type Plan } from '../domain/plan/plan.ts';
import { type Shard, shardsOfPlan } from '../domain/keys/shard.ts';

export function linkOf(plan: Plan, name: string): Link {
  return known(linksOf(plan).find((one) => one.name === name));
}

export function shardOf(plan: Plan, name: string): Shard {
  return known(shardsOfPlan(plan).find((one) => one.name === name));
}

function known<T>(found: T | undefined): T {
  if (found !== undefined) return found;
  throw ApplicationFailure.nonRetryable('the plan has no such link or shard', FAILURES.BadConfiguration);
}
