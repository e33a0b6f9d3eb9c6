import type { Plan, Side } from '../../../domain/plan/plan.ts';
import type { Environment } from '../../../redis/client/connection.ts';
import { switchAuthority } from '../../../redis/cutover/switch-authority.ts';
import { nextToken } from './next-token.ts';

/** Makes a switch with a token that is greater than all before it. Its steps are not reported. */
export function switchNow(plan: Plan, environment: Environment, to: Side) {
  return switchAuthority({ plan, environment, to, token: nextToken(), report: () => undefined });
}
