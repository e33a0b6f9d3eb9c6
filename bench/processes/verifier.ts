import { keyspaceOf } from '../../domain/keyspace.ts';
import { linksOf } from '../../domain/link.ts';
import type { Plan } from '../../domain/plan.ts';
import type { Environment } from '../../redis/connection.ts';
import { openStores } from '../../redis/stores.ts';
import { type AllVerified, verifyAll } from '../../redis/verify/verify-all.ts';
import { serve } from './serve.ts';

export type VerifierInput = { readonly plan: Plan; readonly environment: Environment };

/** One complete two-way pass of the verifier, unthrottled. */
serve<VerifierInput, never, AllVerified>(async ({ plan, environment }, _say, signal) => {
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const stores = await openStores(plan, environment, 'bench-verify');
  const options = {
    link,
    keyspace: keyspaceOf(plan.migration),
    source: stores.named(link.name).redis,
    target: stores.target.redis,
    authority: () => 'source' as const,
    // Nothing was deleted in the data of the bench: no absence has to be explained.
    agreedAbsentOnSource: async (keys: readonly string[]) => keys.map(() => false),
  };
  const verified = await verifyAll(options, signal);
  stores.close();
  return verified;
});
