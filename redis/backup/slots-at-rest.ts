import type { Redis } from 'ioredis';
import type { Plan } from '../../domain/plan.ts';
import { assertAtRest, ClusterChanged, isRedirection } from '../cluster/cluster-changed.ts';
import { type Environment, openStore } from '../connection.ts';

/**
 * RDBs of several nodes are one backup only while no slot changes its node: a key on its way could be in none of them,
 * and the proof of each RDB by itself would not miss it (L10).
 *
 * @throws ClusterChanged: take it again
 */
export async function withSlotsAtRest<T>(
  { stores }: Plan,
  environment: Environment,
  work: () => Promise<T>,
): Promise<T> {
  const clusters: Redis[] = [];
  try {
    for (const store of stores.filter(({ cluster }) => cluster))
      clusters.push(await openStore(store, environment, 'backup', { socketTimeout: undefined }));
    const assertAllAtRest = async () => {
      for (const redis of clusters) await assertAtRest(redis);
    };
    await assertAllAtRest();
    const done = await work().catch(async (error: unknown) => {
      // What a proof finds while keys change their nodes says nothing of the backup: it must not be the last word.
      await assertAllAtRest();
      throw isRedirection(error) ? new ClusterChanged() : error;
    });
    await assertAllAtRest();
    return done;
  } finally {
    for (const redis of clusters) redis.disconnect();
  }
}
