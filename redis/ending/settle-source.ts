import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Stores } from '../stores.ts';
import { drainLinks } from '../switch/drain-links.ts';
import { raiseFence } from '../switch/fence.ts';
import { keeperOf } from '../switch/fence-records.ts';

/** Long enough for a backlog, short enough for an operator who waits for V1. */
const PATIENCE_MS = 10_000;

/**
 * Before the flip: what V2's apps wrote in the migrated datasets goes home to V1 before V2 is cleared (L2). V2's
 * users are fenced until then; `clearTarget` puts their rules back.
 */
export async function settleSource(plan: Plan, stores: Stores): Promise<void> {
  if (plan.mode === 'forward') return;
  const keyspace = keyspaceOf(plan.migration);
  await raiseFence(stores.target, keyspace, null, keeperOf(stores, stores.target));
  await drainLinks(stores.target.redis, keyspace, linksOf(plan), 'target', Date.now() + PATIENCE_MS);
}
