import { ApplicationFailure } from '@temporalio/activity';
import { FAILURES } from '../domain/failure.ts';
import { type Link, linksOf } from '../domain/link.ts';
import type { Plan } from '../domain/plan.ts';

export function linkOf(plan: Plan, name: string): Link {
  const link = linksOf(plan).find((one) => one.name === name);
  if (link) return link;
  throw ApplicationFailure.nonRetryable('the plan has no such link', FAILURES.BadConfiguration);
}
