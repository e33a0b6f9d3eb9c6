import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { LinkStatus } from '../../domain/status.ts';
import type { Environment } from '../../redis/connection.ts';
import { runSync } from '../../redis/sync/sync.ts';
import { serve } from './serve.ts';

export type SyncInput = {
  readonly plan: Plan;
  readonly environment: Environment;
  /** Also say when a scan is through; costs a call at each step, so only where that is what is measured. */
  readonly tellScans: boolean;
};

export type SyncSaid =
  | { readonly kind: 'status'; readonly status: LinkStatus }
  | { readonly kind: 'scanned'; readonly atMs: number };

/** The engine as the worker runs it, without Temporal around it. */
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
