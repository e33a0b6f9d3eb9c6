import { onTestFinished } from 'vitest';
import { linksOf } from '../../domain/link.ts';
import { wholeOf } from '../../domain/shard.ts';
import { type Attempt, beginAttempt } from '../../redis/sync/attempt.ts';
import { openConnections } from '../../redis/sync/connections.ts';
import { PATIENCE } from '../../redis/sync/patience.ts';
import { claimed } from './claimed.ts';
import type { TestRedis } from './redis.ts';
import { dataset, planOf } from './sync-world.ts';

/** An attempt that has its lease and does nothing yet, on stores that are claimed; its connections end with the test. */
export async function attemptOn(v1: TestRedis, v2: TestRedis): Promise<Attempt> {
  await claimed(v1.client, v2.client);
  const plan = planOf([dataset({ name: 'match' })]);
  const [link] = linksOf(plan);
  if (!link) throw new Error('a plan without a link');
  const environment = { SOURCE_V1: v1.server.url(), TARGET_V2: v2.server.url() };
  const lines = await openConnections(wholeOf(link), environment, PATIENCE);
  onTestFinished(() => lines.close());
  return beginAttempt(wholeOf(link), { plan }, lines);
}
