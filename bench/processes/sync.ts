import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../../redis/connection.ts';
import { runSync } from '../../redis/sync/sync.ts';
import { serve } from './serve.ts';

export type SyncInput = { readonly plan: Plan; readonly environment: Environment };

/** The engine as the worker runs it, without Temporal around it. */
serve<SyncInput, LinkStatus, null>(async ({ plan, environment }, say, signal) => {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  await runSync({ plan, link, environment, report: say }, signal);
  return null;
});
