import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import type { LinkStatus } from '../../domain/gates/status.ts';
import type { Environment } from '../../redis/client/connection.ts';
import { runSync } from '../../redis/replication/replicator.ts';
import { serve } from './serve.ts';

export type SyncInput = {
  readonly plan: Plan;
  readonly environment: Environment;
  /**
   * Also report when a scan has ended. This costs a call at each step, so only the scenarios that need it ask for it.
   */
  readonly tellScans: boolean;
};

export type SyncSaid =
  | { readonly kind: 'status'; readonly status: LinkStatus }
  | { readonly kind: 'scanned'; readonly atMs: number };

/** Runs the engine as the worker does, but without Temporal. */
serve<SyncInput, SyncSaid, null>(async ({ plan, environment, tellScans }, say, signal) => {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const report = (status: LinkStatus) => say({ kind: 'status', status });
  const reached = (step: string) => {
    if (step === 'scanned') say({ kind: 'scanned', atMs: performance.timeOrigin + performance.now() });
  };
  await runSync({ plan, link, environment, report, ...(tellScans ? { reached } : {}) }, signal);
  return null;
});
