import type { Plan } from '../domain/plan.ts';
import type { PreflightResult } from './messages.ts';
import { asking } from './proxies.ts';

/** The preflight alone: every check of the plan's stores, nothing changed. A red check is an answer here. */
export async function preflight(plan: Plan): Promise<PreflightResult> {
  const { checks } = await asking('Preflight: looks at every store, changes nothing').preflight({ plan });
  return { checks };
}
