import type { Cluster, Redis } from 'ioredis';
import { keyspaceOf } from '../../../domain/keys/keyspace.ts';
import { linksOf, type Plan } from '../../../domain/plan/plan.ts';

/**
 * Writes on the target the status of a verifier that has ended a whole pass. A switch needs one, and no verifier runs
 * here.
 */
export async function comparedBefore(plan: Plan, target: Redis | Cluster): Promise<void> {
  for (const { name } of linksOf(plan))
    await target.set(keyspaceOf(plan.migration).verify(name), JSON.stringify({ pass: { keys: 1 } }));
}
