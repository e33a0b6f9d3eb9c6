import type { Plan } from '../domain/plan/plan.ts';
import type { PreflightResult } from './messages.ts';
import { asking } from './proxies.ts';

/**
 * Runs only the preflight: every check of the plan's stores, and no change. A red check is a normal result here. The
 * activity reads the plan as the input of this run.
 */
export async function preflight(_plan: Plan): Promise<PreflightResult> {
  const { checks } = await asking('Preflight: looks at every store, changes nothing').preflight({});
  return { checks };
}
