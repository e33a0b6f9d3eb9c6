import { keyspaceOf } from '../../domain/keys/keyspace.ts';
import { linksOf, type Plan } from '../../domain/plan/plan.ts';
import type { Environment } from '../../redis/client/connection.ts';
import { openStores } from '../../redis/client/stores.ts';
import { type AllVerified, verifyAll } from '../../redis/verify/verifier.ts';
import { serve } from './serve.ts';

export type VerifierInput = { readonly plan: Plan; readonly environment: Environment };

/** Makes one complete pass of the verifier in both directions, without a throttle. */
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
    // Nothing is deleted in the data of the bench, so no absence has to be explained.
    agreedAbsentOnSource: async (keys: readonly string[]) => keys.map(() => false),
  };
  const verified = await verifyAll(options, signal);
  stores.close();
  return verified;
});
